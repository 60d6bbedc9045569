// One row and one weight: the keys that go through the stages, the number of a row, the choice of a weight.
import { send, tell } from "./page.js"

const KEYS = /** @type {Record<string, string>} */ ({ ArrowLeft: "step-back", ArrowRight: "step-on", Home: "step-first", End: "step-last" })

/** Moves by key, one after the other: each begins where the one before it has led. */
let moves = Promise.resolve()
let moving = 0

/** Do what a button does, after the moves before it. @param {string} id */
function move(id) {
  moving += 1
  moves = moves.then(async () => {
    const button = document.getElementById(id)
    if (button) await send(button.dataset.do ?? "", JSON.parse(button.dataset.given ?? "{}"), button)
    moving -= 1
  })
}

/** Whether a key scrolls a box: where there is more in it than is seen. @param {Element | null} box @param {string} key */
function scrolls(box, key) {
  if (!box) return false
  return box.scrollWidth > box.clientWidth + 1 || (!key.startsWith("Arrow") && box.scrollHeight > box.clientHeight + 1)
}

const step = document.getElementById("panel-step")
document.addEventListener("keydown", (event) => {
  const to = KEYS[event.key]
  const from = event.target
  if (!step || step.closest("[hidden]") || !(from instanceof Element)) return
  if (from !== document.body && !step.contains(from)) return
  if (!to || event.ctrlKey || event.altKey || event.metaKey) return
  if (from.closest("input, select, textarea, .rows") || scrolls(from.closest("[data-keep-scroll]"), event.key)) return
  event.preventDefault()
  if (!event.repeat || !moving) move(to)
})
step?.addEventListener("change", (event) => {
  const field = event.target
  if (!(field instanceof HTMLInputElement) || field.id !== "step-row") return
  const number = Number(field.value)
  if (number > 0 && Number.isInteger(number)) send("step.row", { number }, field).then((fits) => { if (!fits) field.value = field.defaultValue })
  else {
    tell(`The row is ${field.value || "empty"}; expected a whole number from 1 to ${field.max}.`, field)
    field.value = field.defaultValue
  }
})

/** Milliseconds until a choice is sent: a name is typed letter by letter. */
const WAIT = 250
let typing = 0
const weight = document.getElementById("panel-weight")
weight?.addEventListener("change", (event) => {
  const field = event.target
  if (field instanceof HTMLInputElement && field.id === "weight-name") send("weight.choose", { name: field.value.trim() }, field)
  if (!(field instanceof HTMLSelectElement)) return
  /** @param {string} part */
  const at = (part) => Number(/** @type {HTMLSelectElement | null} */ (document.getElementById(`weight-${part}`))?.value ?? 0)
  clearTimeout(typing)
  typing = setTimeout(() => send("weight.pick", { array: at("array"), source: at("source"), unit: at("unit") }, field), WAIT)
})

weight?.addEventListener("part", (event) => {
  const live = document.getElementById("weight-live")
  const numbers = /** @type {{value: string} | undefined} */ (/** @type {CustomEvent} */ (event).detail.numbers)
  if (live && numbers) live.textContent = numbers.value
})

/** Let a picture shrink as far as its letters stay legible. @param {Event} event */
function fit(event) {
  for (const svg of /** @type {NodeListOf<SVGElement>} */ (/** @type {Element} */ (event.target).querySelectorAll("svg[data-least]"))) {
    svg.style.minWidth = `${svg.dataset.least}px`
    svg.style.maxWidth = "100%"
  }
}
step?.addEventListener("part", fit)
if (step) fit(/** @type {any} */ ({ target: step }))
