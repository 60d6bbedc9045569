// The panel build: sends what is changed, and keeps what is folded.

import { send, tell } from "./page.js"

const panel = document.getElementById("panel-build")

/** Milliseconds after the last step by an arrow key until it is sent. */
const STILL = 350

/** Milliseconds after which the page says that it builds. */
const SLOW = 400

/** What a person folded or unfolded: by the group's id. @type {Map<string, boolean>} */
const folded = new Map()

/** What is chosen in lists that are sent by a button. @type {Map<string, string>} */
const remembered = new Map()

let timer = 0

/** Send what a control says, if it says something else than before. @param {HTMLInputElement | HTMLSelectElement} control */
function apply(control) {
  clearTimeout(timer)
  if (control instanceof HTMLInputElement) {
    if (control.value === control.defaultValue) return
    control.defaultValue = control.value // what is typed from now on is not lost when the answer comes
  }
  change(control, control.value)
}

/** Change a setting; what was said of it before goes, and where it takes long, that it is built. @param {HTMLElement} control @param {string} text */
async function change(control, text) {
  control.removeAttribute("aria-invalid")
  control.closest(".setting")?.querySelector(".error")?.remove()
  const slow = setTimeout(() => tell("Building …", control), SLOW)
  await send("build.change", { name: control.dataset.setting, text }, control)
  clearTimeout(slow)
}

/** Give the next number up or down: whole numbers one by one, others along 1, 2, 5, 10. @param {HTMLInputElement} control @param {number} way @param {number} size */
function stepped(control, way, size) {
  const least = Number(control.dataset.least ?? Number.NEGATIVE_INFINITY)
  const now = Number(control.value || control.placeholder || 0)
  if (!Number.isFinite(now)) return control.value
  if (control.dataset.step === "count") return String(Math.max(least, Math.round(now) + way * size))
  if (now === 0) return way > 0 ? "0.001" : "0"
  const power = 10 ** Math.floor(Math.log10(Math.abs(now)) + 1e-9)
  const marks = [0.5, 1, 2, 5, 10, 20].map((mark) => Number((mark * power).toPrecision(3)))
  const next = way > 0 ? marks.find((mark) => mark > now * 1.0001) : marks.reverse().find((mark) => mark < now * 0.9999)
  return String(Math.max(least, next ?? now))
}

/** @param {Event} event @returns {HTMLInputElement | HTMLSelectElement | null} */
function control(event) {
  const found = event.target
  const fits = found instanceof HTMLInputElement || found instanceof HTMLSelectElement
  return fits && found.dataset.setting ? found : null
}

panel?.addEventListener("change", (event) => {
  const changed = control(event)
  if (changed) return apply(changed)
  const other = event.target
  if (other instanceof HTMLInputElement && other.id === "build-going-on") send("build.go_on", { on: other.checked }, other)
  if (other instanceof HTMLSelectElement && other.dataset.remember !== undefined) remembered.set(other.id, other.value)
})
panel?.addEventListener("focusout", (event) => {
  const left = control(event)
  if (left instanceof HTMLInputElement) setTimeout(() => left.isConnected && apply(left)) // not where it is swapped
})
panel?.addEventListener("keydown", (event) => {
  const typed = control(event)
  if (!(typed instanceof HTMLInputElement) || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === "Enter") apply(typed)
  if (event.key === "Escape") typed.value = typed.defaultValue
  const way = { ArrowUp: 1, ArrowDown: -1 }[event.key]
  if (!way || !typed.dataset.step) return
  event.preventDefault()
  typed.value = stepped(typed, way, event.shiftKey ? 10 : 1)
  clearTimeout(timer)
  timer = setTimeout(() => apply(typed), STILL)
})

/** Add, remove or move a layer, and go on at its button. @param {HTMLElement} button */
async function layer(button) {
  const { layer: way, place } = button.dataset
  const value = (/** @type {string} */ id) => /** @type {HTMLSelectElement | null} */ (document.getElementById(id))?.value
  const given = way === "add"
    ? { do: way, place, at: Number(value(`${button.id}-at`)), kind: value(`${button.id}-kind`) }
    : { do: way, place, at: Number(button.dataset.at) }
  if (way === "add") remembered.delete(`${button.id}-at`)
  await send("build.layer", given, button)
  const wanted = button.dataset.then?.split(" ") ?? [button.id]
  const next = [...wanted, `build-add-${place}`].map((id) => document.getElementById(id)).find((one) => one)
  if (document.activeElement === document.body || button.dataset.then) next?.focus()
}

panel?.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null
  const button = target?.closest("button")
  if (button?.dataset.layer) return void layer(button)
  if (button?.dataset.setting) return void change(button, button.dataset.text ?? "")
  const group = target?.closest("summary")?.parentElement
  if (group instanceof HTMLDetailsElement) {
    folded.set(group.id, !group.open) // it is turned after this
    if (group.dataset.unfold) send("build.unfold", { key: group.dataset.unfold }, group)
  }
})

/** Fill the lists of choices that are written once for all. */
function fill() {
  for (const list of /** @type {NodeListOf<HTMLSelectElement>} */ (panel?.querySelectorAll("select[data-list]") ?? [])) {
    const choices = document.getElementById(`build-list-${list.dataset.list}`)
    if (!(choices instanceof HTMLTemplateElement)) continue
    const now = list.options[0]
    list.append(choices.content.cloneNode(true))
    const same = [...list.options].find((one) => one !== now && one.value === now?.value)
    if (same && now) now.remove()
    if (same) same.defaultSelected = same.selected = true
  }
}
fill()

panel?.addEventListener("part", () => {
  if (panel.querySelector("select[data-list] > option:only-child")) fill()
  for (const group of panel.querySelectorAll("details[id]")) {
    const wanted = folded.get(group.id)
    if (group instanceof HTMLDetailsElement) group.open = group.dataset.open !== undefined || (wanted ?? group.hasAttribute("data-unfolded"))
  }
  for (const [id, value] of remembered) {
    const list = document.getElementById(id)
    if (list instanceof HTMLSelectElement && [...list.options].some((one) => one.value === value)) list.value = value
  }
})
