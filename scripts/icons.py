"""The icons the product draws, picked from the Tabler set into one sprite.

Add a name here, run `make vendor`, and use it as
`<svg class="icon" aria-hidden="true"><use href="…/icons.svg#name"></use></svg>`.
A name ending in -filled comes from Tabler's filled set. All of them: tabler.io/icons.
"""

import re
from pathlib import Path

NAMES = """
    adjustments-horizontal alert-circle alert-circle-filled alert-triangle alert-triangle-filled
    ambulance arrow-back-up arrow-down arrow-left arrow-right arrow-up arrows-exchange
    bed bell bell-filled bell-ringing building-bank building-hospital
    calendar calendar-event calendar-off calendar-plus cash cash-banknote cash-register chart-bar
    check checklist chevron-down chevron-left chevron-right chevron-up chevrons-left chevrons-right
    circle circle-check circle-check-filled circle-dot circle-dot-filled circle-filled circle-half
    circle-half-2 circle-x circle-x-filled clipboard-list clock clock-hour-4 clock-pause coffee coin
    coin-filled coins copy corner-down-left credit-card database-import desk device-tv door
    dots dots-vertical download edit emergency-bed external-link eye eye-off
    file-export file-import file-invoice file-text filter flag flag-filled
    gift hand-stop heartbeat help-circle history home hourglass id id-badge-2 info-circle
    key keyboard language layout-sidebar-left-collapse layout-sidebar-left-expand lifebuoy link
    list-details list-numbers lock lock-open login logout
    mail maximize medical-cross menu-2 message minus moon note notes
    paw percentage phone phone-call player-pause player-pause-filled player-play player-play-filled
    plug-connected-x plus point-filled printer qrcode
    receipt receipt-refund refresh repeat report-medical rotate-clockwise
    scan search send settings shield shield-check shield-lock sort-ascending sort-descending
    speakerphone star star-filled stethoscope sun sun-moon
    tag ticket transfer trash user user-check user-circle user-plus user-question user-x users users-group
    volume volume-off walk wallet wheelchair wifi wifi-off world x
""".split()

OUTLINE = 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
FILLED = 'fill="currentColor" stroke="none"'
BOX = re.compile(r'<path stroke="none" d="M0 0h24v24H0z" fill="none" ?/>')


def sprite(package: Path) -> str:
    """One SVG with a symbol per name, from the unpacked @tabler/icons package.

    Line width is left to the style sheet: Tabler's .icon says 1.5.
    """
    symbols = (symbol(package, name) for name in NAMES)
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def symbol(package: Path, name: str) -> str:
    plain = name.removesuffix("-filled")
    style, look = ("outline", OUTLINE) if plain == name else ("filled", FILLED)
    source = (package / "icons" / style / f"{plain}.svg").read_text(encoding="utf-8")
    shapes = source[source.index(">") + 1 : source.rindex("</svg>")]
    shapes = "".join(line.strip() for line in BOX.sub("", shapes).splitlines())
    return f'<symbol id="{name}" viewBox="0 0 24 24" {look}>{shapes}</symbol>'
