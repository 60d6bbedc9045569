// The page's own module: it swaps the parts that the server sends, and sends what is done with them.

import "./address.js"
import "./bar.js"
import "./boundary.js"
import "./build.js"
import "./curves.js"
import "./descent.js"
import "./lesson.js"
import "./network.js"
import "./source.js"
import "./step.js"

/** @typedef {{html?: string, layout?: string, numbers?: unknown}} Part */

/** What belongs to a layout that is shown: by panel. @type {Map<string, string>} */
const layouts = new Map()

/** The content that was shown last, as it was sent: the same is not swapped again, so that nobody loses a half-typed word. @type {Map<string, string>} */
const shown = new Map()

/** @param {string} name @returns {HTMLElement | null} */
const panel = (name) => document.getElementById(`panel-${name}`)

/** Give the panels that are to be seen. @returns {string[]} */
export function seen() {
  const found = [...document.querySelectorAll("[data-panel]")]
  return found.filter((part) => !part.closest("[hidden]")).map((part) => part.getAttribute("data-panel") ?? "")
}

/** The version of what each panel shows: an answer may overtake what the stream sent before. @type {Map<string, number>} */
const versions = new Map()

/** Swap a panel's content, keeping focus, scrolling and what is folded out. @param {string} name @param {Part} part @param {number} version */
export function swap(name, part, version = Infinity) {
  const target = panel(name)
  if (!target || version < (versions.get(name) ?? 0)) return
  if (version !== Infinity) versions.set(name, version)
  const same = part.html === shown.get(name) || (part.layout && layouts.get(name) === part.layout)
  if (part.html !== undefined && !same) {
    shown.set(name, part.html)
    layouts.set(name, part.layout ?? "")
    const focused = document.activeElement
    const id = focused instanceof Element && target.contains(focused) ? focused.id : ""
    const open = [...target.querySelectorAll("details[open][id]")].map((one) => one.id)
    const scrolled = [...target.querySelectorAll("[data-keep-scroll][id]")].map((one) => [one.id, one.scrollTop, one.scrollLeft])
    target.innerHTML = part.html
    for (const one of open) document.getElementById(one)?.setAttribute("open", "")
    for (const [one, top, left] of scrolled) document.getElementById(String(one))?.scrollTo(Number(left), Number(top))
    if (id) document.getElementById(id)?.focus({ preventScroll: true })
  }
  target.dispatchEvent(new CustomEvent("part", { detail: part, bubbles: true }))
}

/** Say something to the person, beside a control where one is named. @param {string} words @param {Element | null} near */
export function tell(words, near = null) {
  const place = near?.closest("[data-panel]")?.querySelector("[data-errors]") ?? document.getElementById("told")
  if (place) place.textContent = words
}

/** Send a command, and show the panels as they are after it. @param {string} name @param {object} given @param {Element | null} near @param {string[]} panels @returns {Promise<boolean>} */
export async function send(name, given = {}, near = null, panels = seen()) {
  const response = await fetch("/command", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Backlit": "1" },
    body: JSON.stringify({ do: name, given, panels }),
  }).catch(() => null)
  if (!response) return tell("The program has ended: start it again in the terminal.", near), false
  const answer = await response.json().catch(() => ({ error: `The answer was ${response.status}.` }))
  for (const [one, part] of Object.entries(answer.parts ?? {})) swap(one, part, answer.version)
  tell(answer.error ?? "", near)
  return !answer.error
}

/** @type {EventSource | null} */
let stream = null

/** Listen to what changes in the panels that are to be seen. */
export function listen() {
  stream?.close()
  if (document.hidden) return
  stream = new EventSource(`/events?panels=${seen().join(",")}`)
  stream.addEventListener("parts", (event) => {
    const parts = /** @type {Record<string, Part>} */ (JSON.parse(event.data))
    for (const [name, part] of Object.entries(parts)) swap(name, part, Number(event.lastEventId))
  })
  stream.addEventListener("end", () => {
    stream?.close()
    tell("The program has ended: start it again in the terminal.")
  })
}

document.addEventListener("click", (event) => {
  const control = event.target instanceof Element ? event.target.closest("[data-do]") : null
  if (!control || control.matches("form, input, select, textarea")) return
  event.preventDefault()
  send(control.getAttribute("data-do") ?? "", JSON.parse(control.getAttribute("data-given") ?? "{}"), control)
})

/** Show a view. @param {HTMLElement} tab @param {boolean} focus */
export function show(tab, focus = false) {
  for (const one of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[role=tab]"))) {
    one.setAttribute("aria-selected", String(one === tab))
    one.tabIndex = one === tab ? 0 : -1
    document.getElementById(one.getAttribute("aria-controls") ?? "")?.toggleAttribute("hidden", one !== tab)
  }
  if (focus) tab.focus()
  listen()
  document.dispatchEvent(new CustomEvent("view", { detail: tab.id.replace("tab-", "") }))
}

document.querySelector("[role=tablist]")?.addEventListener("click", (event) => {
  const tab = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest("[role=tab]")) : null
  if (tab) show(tab)
})
document.querySelector("[role=tablist]")?.addEventListener("keydown", (given) => {
  const event = /** @type {KeyboardEvent} */ (given)
  const tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[role=tab]")])
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
  if (!step) return
  const place = tabs.findIndex((one) => one === document.activeElement)
  show(tabs[(place + step + tabs.length) % tabs.length], true)
})

document.addEventListener("visibilitychange", listen)
listen()
