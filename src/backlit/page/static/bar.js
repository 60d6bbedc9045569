// The bar: its numbers, the speed, going back to earlier moments, Space, and what is read out.
import { send, show } from "./page.js"

/** @typedef {{playing: boolean, texts: Record<string, string>, place: number, moments: number, replayed: boolean, moment: string, said: string}} Numbers */

/** Milliseconds between two times that the state is read out while it plays. */
const APART = 10_000

/** What is read out: it stays in the page, since a part that is swapped is not read. */
const spoken = document.createElement("p")
spoken.id = "bar-said"
spoken.className = "unseen"
spoken.setAttribute("aria-live", "polite")
document.body.append(spoken)

let playing = false
let at = 0

/** @param {Numbers} numbers */
function speak(numbers) {
  const now = performance.now()
  if (numbers.playing && playing && now - at < APART) return
  playing = numbers.playing
  if (spoken.textContent === numbers.said) return
  at = now
  spoken.textContent = numbers.said
}

/** @param {string} id @returns {HTMLElement | null} */
const place = (id) => document.getElementById(id)

/** The place on the way that was asked for last, while an answer is awaited. @type {{place: number, of: number} | null} */
let wanted = null
let asking = false

/** Look at a moment: where the answers take longer than the hand, the last one that was asked for. @param {HTMLElement} slider */
async function replay(slider) {
  if (asking) return
  asking = true
  while (wanted) {
    const given = wanted
    wanted = null
    await send("bar.replay", given, slider)
  }
  asking = false
  if (latest) slide(latest)
}

/** @type {Numbers | null} */
let latest = null

/** Set the slider, unless it is being moved. @param {Numbers} numbers */
function slide(numbers) {
  latest = numbers
  const slider = /** @type {HTMLInputElement | null} */ (place("bar-moment"))
  if (slider && !asking) {
    slider.max = String(Math.max(0, numbers.moments - 1))
    slider.value = String(numbers.place)
    slider.disabled = numbers.moments < 2
  }
  slider?.setAttribute("aria-valuetext", numbers.moment)
}

const bar = document.getElementById("panel-bar")
bar?.addEventListener("part", (event) => {
  const numbers = /** @type {Numbers | undefined} */ (/** @type {CustomEvent} */ (event).detail.numbers)
  if (!numbers) return
  for (const [id, text] of Object.entries(numbers.texts)) {
    const part = place(id)
    if (part && part.textContent !== text) part.textContent = text
  }
  place("bar-play")?.setAttribute("data-do", numbers.playing ? "bar.pause" : "bar.play")
  place("bar-now")?.toggleAttribute("hidden", !numbers.replayed)
  slide(numbers)
  speak(numbers)
})
bar?.addEventListener("input", (event) => {
  const slider = event.target
  if (!(slider instanceof HTMLInputElement) || slider.id !== "bar-moment") return
  wanted = { place: Number(slider.value), of: Number(slider.max) + 1 }
  replay(slider)
})
bar?.addEventListener("change", (event) => {
  const chosen = event.target
  if (chosen instanceof HTMLSelectElement && chosen.id === "bar-speed") send("bar.pace", { speed: Number(chosen.value) }, chosen)
})
bar?.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button") : null
  if (button?.ariaDisabled === "true") { // all epochs are done: more of them are offered
    event.stopPropagation()
    place("bar-on")?.focus()
  }
  if (button?.id === "bar-row") {
    const tab = place("tab-step")
    if (tab && tab.ariaSelected !== "true") { // the row at hand is the first one to look at
      event.stopPropagation()
      show(tab)
      send("bar.pause", {}, button)
    }
  }
  if (button?.id === "bar-now") place("bar-moment")?.focus()
})
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.ctrlKey || event.altKey || event.metaKey || event.target !== document.body) return
  event.preventDefault()
  place("bar-play")?.click()
})
