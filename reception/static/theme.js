/* Before the first paint: light or dark as the user chose, or as the system is. A plain script in the head, so that nothing flashes. */
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const choice = root.dataset.themeChoice;
    root.dataset.bsTheme = choice === "dark" || (choice !== "light" && system.matches) ? "dark" : "light";
  };
  show();
  system.addEventListener("change", show);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme]");
    if (!button) return;
    root.dataset.themeChoice = button.dataset.theme;
    for (const other of document.querySelectorAll("[data-theme]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    show();
  });
})();
