/**
 * What the TV says: a chime made here, two tones, and the number in the clinic's languages where the machine has a
 * voice for them. A browser lets nobody make a sound before one touch or key, unless it was started with
 * --autoplay-policy=no-user-gesture-required; until then a quiet line asks for it.
 */

import { spoken } from "./tv-rules.js";

const TONES = [
  { hz: 783.99, at: 0 }, // G5
  { hz: 587.33, at: 0.42 }, // D5
];
const TONE_S = 1.3;
const RING_MS = 1_400;
const HINT_MS = 60_000; // after this the sign alone stays

const audio = window.AudioContext ? new AudioContext() : null; // suspended until a touch, or running at once

/** Strikes the chime; resolves when it has faded, at once where there is no sound. */
export async function ring() {
  if (audio?.state !== "running") return;
  for (const { hz, at } of TONES) strike(audio, hz, audio.currentTime + 0.02 + at);
  await new Promise((resolve) => setTimeout(resolve, RING_MS));
}

/** One bell: a tone and two quieter partials that fade like struck metal. */
function strike(context, hz, at) {
  for (const [partial, loudness] of [[1, 0.5], [2, 0.12], [3.01, 0.05]]) {
    const tone = new OscillatorNode(context, { frequency: hz * partial });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(loudness, at + 0.008);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + TONE_S / Math.sqrt(partial));
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + TONE_S);
  }
}

/** Speaks a call: `ticket`, `room`; `sentences` are elements with lang and data-say, "{ticket}" and "{room}" in it. */
export function say({ ticket, room }, sentences) {
  const speech = window.speechSynthesis;
  if (!speech) return;
  speech.cancel(); // the call before has had its turn
  const voices = speech.getVoices();
  for (const { lang, dataset } of sentences) {
    const voice = voices.find((v) => v.lang.replace("_", "-").split("-")[0] === lang.split("-")[0]);
    if (!voice || !dataset.say) continue;
    const text = dataset.say.replace("{ticket}", spoken(ticket)).replace("{room}", room);
    speech.speak(Object.assign(new SpeechSynthesisUtterance(text), { voice, lang: voice.lang, rate: 0.9 }));
  }
}

/** Shows `hint` while the browser keeps the screen silent, and switches the sound on at the first touch or key. */
export function watchSound(hint) {
  if (!audio) return;
  const show = () => (hint.hidden = audio.state === "running");
  audio.addEventListener("statechange", show);
  for (const type of ["click", "keydown", "touchend"]) document.addEventListener(type, () => audio.resume().catch(() => {}));
  setTimeout(show, 500); // where sound is allowed it takes a moment to start
  setTimeout(() => hint.classList.add("is-quiet"), HINT_MS);
}
