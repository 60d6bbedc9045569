// The page's own module: it swaps the parts that the server sends, and sends what is done with them.

import "./address.js"
import "./bar.js"
import "./boundary.js"
import "./build.js"
import "./check.js"
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

const STOPS = "a[href], button, input, select, textarea, summary, [tabindex]"

/** Name the places in a panel where the focus may be: by id, or counted within the part that has one. @param {Element} target */
function stops(target) {
  /** @type {Map<string, number>} */
  const counts = new Map()
  const found = /** @type {NodeListOf<HTMLElement>} */ (target.querySelectorAll(STOPS))
  return [...found].filter((one) => !one.closest("svg.net")).map((one) => {
    const name = one.id || `${one.closest("[id]")?.id} ${one.localName}`
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return /** @type {[string, HTMLElement]} */ ([`${name} ${count}`, one])
  })
}

/** Whether a panel is being swapped: a field that is taken away then would send the word that is half typed in it. */
let swapping = false
/** What was sent of a field. @type {WeakMap<EventTarget, string>} */
const sent = new WeakMap()
addEventListener("change", (event) => {
  if (swapping) event.stopImmediatePropagation()
  else if (event.target instanceof HTMLInputElement) sent.set(event.target, event.target.value)
}, true)

/** Give the field that has the focus, if a word in it is half typed. */
function halfTyped() {
  const field = document.activeElement
  if (!(field instanceof HTMLInputElement) || !/text|number/.test(field.type)) return null
  return field.value !== field.defaultValue && field.value !== sent.get(field) ? field : null
}

/** Give the focus back after a swap; where its place is gone, to the one before, else to one behind, else to the panel. @param {HTMLElement} target @param {string[]} names @param {number} at */
function refocus(target, names, at) {
  const now = new Map(stops(target))
  for (const name of [...names.slice(0, at + 1).reverse(), ...names.slice(at + 1)]) {
    now.get(name)?.focus({ preventScroll: true })
    if (target.contains(document.activeElement)) return
  }
  target.tabIndex = -1
  target.focus({ preventScroll: true })
}

/** Swap a panel's content, keeping focus, scrolling and what is folded out. @param {string} name @param {Part} part @param {number} version */
export function swap(name, part, version = Infinity) {
  const target = panel(name)
  if (!target || version < (versions.get(name) ?? 0)) return
  if (part.html === undefined && layouts.get(name) !== part.layout) return listen() // numbers of what is not shown any more
  if (version !== Infinity) versions.set(name, version)
  const same = part.html === shown.get(name) || (part.layout && layouts.get(name) === part.layout)
  if (part.html !== undefined && !same) {
    shown.set(name, part.html)
    layouts.set(name, part.layout ?? "")
    const before = target.contains(document.activeElement) ? stops(target) : []
    const at = before.findIndex(([, one]) => one === document.activeElement)
    const open = [...target.querySelectorAll("details[open][id]")].map((one) => one.id)
    const scrolled = [...target.querySelectorAll("[data-keep-scroll][id]")].map((one) => [one.id, one.scrollTop, one.scrollLeft])
    const typed = at >= 0 ? halfTyped() : null
    swapping = true
    target.innerHTML = part.html
    swapping = false
    for (const one of open) document.getElementById(one)?.setAttribute("open", "")
    for (const [one, top, left] of scrolled) document.getElementById(String(one))?.scrollTo(Number(left), Number(top))
    if (at >= 0) refocus(target, before.map(([name]) => name), at)
    const now = document.activeElement
    if (typed && now instanceof HTMLInputElement && now.id === typed.id) now.value = typed.value
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
  if (!response) return tell(ENDED, near), false
  const answer = await answered(response)
  for (const [one, part] of Object.entries(answer.parts ?? {})) swap(one, part, answer.version)
  tell(answer.error ?? "", near)
  return !answer.error
}

/** Read an answer: the parts and what was refused, or the words of a guard that let nothing in. @param {Response} response @returns {Promise<{error?: string, version?: number, parts?: Record<string, Part>}>} */
async function answered(response) {
  const text = await response.text().catch(() => "")
  try {
    return JSON.parse(text)
  } catch {
    return { error: text.trim() || `The answer was ${response.status}.` }
  }
}

const ENDED = "The program has ended: start it again in the terminal."

/** @type {EventSource | null} */
let stream = null

/** Counts until the page says that nothing comes any more. */
let silence = 0

/** Say why a stream broke: it is tried again for a while, or was refused with words. */
async function broken() {
  const of = stream
  if (!of) return
  if (of.readyState !== EventSource.CLOSED) {
    silence ||= setTimeout(() => tell("The program does not answer. This page goes on when it does."), 3_000)
    return
  }
  const response = await fetch(of.url).catch(() => null)
  if (of !== stream) return
  if (!response) return tell(ENDED)
  if (!response.ok) return tell((await response.text()).trim())
  response.body?.cancel()
  setTimeout(() => of === stream && listen(), 1_000)
}

/** Say nothing more of a stream that broke: it is there again. */
function back() {
  clearTimeout(silence)
  silence = 0
  const told = document.getElementById("told")
  if (told?.textContent?.startsWith("The program")) told.textContent = ""
}

/** Listen to what changes in the panels that are to be seen. */
export function listen() {
  stream?.close()
  if (document.hidden) return
  stream = new EventSource(`/events?panels=${seen().join(",")}`)
  stream.addEventListener("parts", (event) => {
    const parts = /** @type {Record<string, Part>} */ (JSON.parse(event.data))
    for (const [name, part] of Object.entries(parts)) swap(name, part, Number(event.lastEventId))
  })
  stream.addEventListener("open", back)
  stream.addEventListener("error", broken)
  stream.addEventListener("end", () => {
    stream?.close()
    clearTimeout(silence)
    tell(ENDED)
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
    for (const id of (one.getAttribute("aria-controls") ?? "").split(" ")) document.getElementById(id)?.toggleAttribute("hidden", one !== tab)
  }
  if (focus) tab.focus()
  listen()
  document.dispatchEvent(new CustomEvent("view", { detail: tab.id.replace("tab-", "") }))
}

/** Go from a tab to a control of its view, as soon as it is drawn. @param {string} id @param {string} of @param {HTMLElement} tab */
export function into(id, of, tab) {
  const control = document.getElementById(id)
  if (control) return control.focus({ preventScroll: true })
  const later = () => { if (document.activeElement === tab) document.getElementById(id)?.focus({ preventScroll: true }) }
  document.getElementById(of)?.addEventListener("part", later, { once: true })
}

document.querySelector("[role=tablist]")?.addEventListener("click", (event) => {
  const tab = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest("[role=tab]")) : null
  if (tab) show(tab)
  if (tab?.id === "tab-step" && event instanceof MouseEvent && event.detail) into("step-on", "panel-step", tab)
})
document.querySelector("[role=tablist]")?.addEventListener("keydown", (given) => {
  const event = /** @type {KeyboardEvent} */ (given)
  const tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[role=tab]")])
  const place = tabs.findIndex((one) => one === document.activeElement)
  const to = { ArrowRight: place + 1, ArrowLeft: place - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key]
  if (to === undefined) return
  event.preventDefault()
  show(tabs[to % tabs.length], true)
})

document.addEventListener("visibilitychange", listen)
listen()
