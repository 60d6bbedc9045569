// The descent: a walk along the path's points, the path as it grows on a surface that stays, the choice of the plane.
import { send } from "./page.js"

/** @typedef {{later: string, now: [number, number] | null, state: string, aged: boolean}} Growth */

const panel = document.getElementById("panel-descent")

/** The point that is looked at; -1 is the last one. */
let at = -1

/** @param {string} id @param {number | null} x @param {number | null} y @param {number} r */
function place(id, x, y, r) {
  const circle = document.getElementById(id)
  circle?.setAttribute("r", String(x === null ? 0 : r))
  circle?.setAttribute("cx", String(x ?? 0))
  circle?.setAttribute("cy", String(y ?? 0))
}

/** Show the point at hand: its ring on the surface, its numbers beside. */
function walk() {
  const slider = /** @type {HTMLInputElement | null} */ (document.getElementById("descent-point"))
  if (!slider) return
  const points = /** @type {[number, number, string][]} */ (JSON.parse(slider.dataset.points ?? "[]"))
  const k = at < 0 ? points.length - 1 : Math.min(at, points.length - 1)
  const [x, y, said] = points[k]
  slider.value = String(k)
  slider.setAttribute("aria-valuetext", said)
  const output = document.getElementById("descent-said")
  if (output && output.textContent !== said) output.textContent = said
  place("descent-ring", x, y, 7)
}

panel?.addEventListener("part", (event) => {
  const { html, numbers } = /** @type {CustomEvent<import("./page.js").Part>} */ (event).detail
  if (html !== undefined) walk()
  const growth = /** @type {Growth | undefined} */ (numbers)
  if (!growth) return
  document.getElementById("descent-later")?.setAttribute("points", growth.later)
  place("descent-now", growth.now && growth.now[0], growth.now && growth.now[1], 4)
  const state = document.getElementById("descent-state")
  if (state) state.textContent = growth.state
  document.getElementById("descent-redraw")?.toggleAttribute("hidden", !growth.aged)
})

panel?.addEventListener("input", (event) => {
  const slider = /** @type {HTMLInputElement} */ (event.target)
  if (slider.id !== "descent-point") return
  at = slider.value === slider.max ? -1 : Number(slider.value)
  walk()
})

panel?.addEventListener("change", (event) => {
  const control = /** @type {HTMLInputElement} */ (event.target)
  const value = (/** @type {string} */ id) => /** @type {HTMLInputElement | null} */ (document.getElementById(id))?.value
  if (control.id === "descent-over" && control.value === "weights") {
    const [x, y] = JSON.parse(control.closest(".over")?.getAttribute("data-first") ?? "[]")
    send("descent.weights", { x, y }, control)
  } else if (control.id === "descent-over") send("descent.take", { over: control.value }, control)
  else if (control.id === "descent-x" || control.id === "descent-y") {
    send("descent.weights", { x: value("descent-x"), y: value("descent-y") }, control)
  }
})
