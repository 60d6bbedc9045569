// The network: writes what changes into the drawing, and brings mouse and keyboard to its units and weights.
import { seen, send } from "./page.js"

/** What changes in a drawing: a letter for each edge, their numbers, and texts. @typedef {{codes: string, values: string, texts: Record<string, string>, weight: string}} Numbers */
/** @typedef {{path: SVGElement, name: string, source: Element | null, unit: Element, ends: number[]}} Edge */

/** Pixels on the screen from which a line is pointed at; milliseconds until a unit is looked at. */
const NEAR = 7
const WAIT = 120
/** Letters of the drawing's own size, and the smallest that are shown; the most that it is enlarged. */
const LETTERS = 13
const LEGIBLE = 11.05
const LARGER = 1.25
/** The share of the window's height that it takes, if its letters stay legible, so that the unit below is seen. */
const TALL = 0.38

const panel = document.getElementById("panel-network")
let values = /** @type {string[]} */ ([])
let looked = "" // the unit that is looked at
let weight = "" // the weight that is looked at
/** Whether the keyboard is in the drawing, and where it was last: at a unit, or at one of its weights. */
let held = false
let at = { unit: "", weight: "" }
let waiting = 0

/** @returns {SVGSVGElement | null} */
const drawing = () => panel?.querySelector("svg.net") ?? null

/** @param {Element | null} unit */
const nameOf = (unit) => unit?.getAttribute("data-unit") ?? ""

/** The edges of a drawing, in their order. @type {WeakMap<Element, Edge[]>} */
const known = new WeakMap()

/** @param {Element} svg @returns {Edge[]} */
function edgesOf(svg) {
  const found = known.get(svg) ?? []
  if (found.length) return found
  for (const group of svg.querySelectorAll(".edges")) {
    const column = Number(group.getAttribute("data-column"))
    const [sources, units] = [column - 1, column].map((one) => svg.querySelectorAll(`[data-units="${one}"] .unit`))
    const paths = /** @type {NodeListOf<SVGElement>} */ (group.querySelectorAll("path"))
    const each = paths.length / units.length
    paths.forEach((path, k) => {
      const unit = units[Math.floor(k / each)]
      const source = sources[k % each] ?? null
      const usual = source ? `w(${nameOf(source)},${nameOf(unit)})` : `b(${nameOf(unit)})`
      const ends = (path.getAttribute("d") ?? "").match(/-?\d+/g)?.map(Number) ?? []
      found.push({ path, name: path.getAttribute("data-weight") ?? usual, source, unit, ends })
    })
  }
  known.set(svg, found)
  return found
}

/** Write the numbers of another moment into a drawing. @param {Element} root @param {Numbers} numbers */
export function write(root, numbers) {
  root.querySelectorAll(".edges path").forEach((path, k) => {
    if (path.getAttribute("class") !== numbers.codes[k]) path.setAttribute("class", numbers.codes[k])
  })
  const texts = numbers.values.split(" ")
  for (const cell of root.querySelectorAll("[data-edge]")) put(cell, texts[Number(cell.getAttribute("data-edge"))])
  for (const place of root.querySelectorAll("[data-text]")) put(place, numbers.texts[place.getAttribute("data-text") ?? ""])
}

/** @param {Element} place @param {string} text */
function put(place, text) {
  if (place.textContent !== text) place.textContent = text
}

/** Say an edge's name and number. @param {Element} svg @param {number} k */
function told(svg, k) {
  const { name } = edgesOf(svg)[k]
  return `${svg.getAttribute("data-slopes") === "1" ? `∂E/∂${name}` : name} = ${values[k] ?? ""}`
}

// ---------------------------------------------------------------------------------------------------------- marks

/** Bring out the edges of a unit, or one edge; none lets all be seen. @param {Element | null} unit @param {number} one */
function bringOut(unit, one = -1) {
  const svg = drawing()
  if (!svg) return
  svg.toggleAttribute("data-hot", unit !== null || one >= 0)
  edgesOf(svg).forEach((edge, k) => {
    edge.path.toggleAttribute("data-hot", k === one || (unit !== null && (edge.unit === unit || edge.source === unit)))
  })
}

/** Mark the unit and the weight that are looked at. */
function mark() {
  const svg = drawing()
  if (!svg) return
  for (const unit of svg.querySelectorAll(".unit")) {
    if (nameOf(unit) === looked) unit.setAttribute("aria-pressed", "true")
    else unit.removeAttribute("aria-pressed")
  }
  for (const edge of edgesOf(svg)) edge.path.toggleAttribute("data-on", edge.name === weight)
}

/** The edge whose number is shown beside it, -1 for none; the unit that is pointed at or has the focus. */
let shown = -1
let near = /** @type {Element | null} */ (null)

/** Show an edge's number at a place of the window; -1 hides it. @param {number} k @param {number} x @param {number} y */
function tip(k, x = 0, y = 0) {
  const svg = drawing()
  shown = k
  near = null
  if (svg) say(k < 0 ? "" : told(svg, k), x, y)
}

/** Show a text at a place of the window. @param {string} text @param {number} x @param {number} y */
function say(text, x, y) {
  const place = /** @type {HTMLElement | null} */ (panel?.querySelector(".net-told") ?? null)
  if (!place || !panel) return
  place.textContent = text
  const box = panel.getBoundingClientRect()
  place.style.left = `${Math.max(0, Math.min(x - box.left + 14, box.width - place.offsetWidth))}px`
  place.style.top = `${y - box.top + 14}px`
}

// ------------------------------------------------------------------------------------------------- units and weights

/** Look at a unit, a moment later, so that passing over others asks for nothing. @param {string} name */
function look(name) {
  clearTimeout(waiting)
  waiting = setTimeout(() => {
    looked = name
    mark()
    send("unit.look", { name }, panel, ["unit"])
  }, WAIT)
}

/** Ask for a weight's chain rule. @param {string} name @param {boolean} see whether to scroll to it */
async function choose(name, see) {
  weight = name
  mark()
  const done = await send("weight.choose", { name }, panel, seen().includes("weight") ? ["weight"] : [])
  if (done && see) document.getElementById("panel-weight")?.scrollIntoView({ block: "nearest" })
}

/** Give the edge that is pointed at, -1 for none. @param {SVGSVGElement} svg @param {MouseEvent} event */
function pointed(svg, event) {
  const matrix = svg.getScreenCTM()
  if (!matrix) return -1
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse())
  let [found, least] = [-1, NEAR / matrix.a]
  edgesOf(svg).forEach(({ ends: [x1, y1, x2, y2] }, k) => {
    const along = Math.max(0, Math.min(1, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / ((x2 - x1) ** 2 + (y2 - y1) ** 2)))
    const apart = Math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1))
    if (apart < least) [found, least] = [k, apart]
  })
  return found
}

/** Move the keyboard to a unit: it alone is reached by Tab. @param {Element} svg @param {Element} unit @param {boolean} focus */
function goTo(svg, unit, focus = true) {
  for (const one of svg.querySelectorAll('.unit[tabindex="0"]')) one.setAttribute("tabindex", "-1")
  unit.setAttribute("tabindex", "0")
  if (focus) /** @type {SVGElement} */ (unit).focus({ preventScroll: false })
}

/** Move the keyboard to an edge, which is a button as long as it is there. @param {SVGSVGElement} svg @param {number} k */
function goToEdge(svg, k) {
  const { path } = edgesOf(svg)[k]
  path.setAttribute("tabindex", "-1")
  path.setAttribute("role", "button")
  path.setAttribute("aria-label", told(svg, k))
  path.focus()
}

/** Give the edges of a unit, the strongest first: those that lead to it, of an input those that lead from it. @param {Element} svg @param {string} unit */
function edgesAt(svg, unit) {
  const edges = edgesOf(svg)
  const places = edges.map((_, k) => k)
  const into = places.filter((k) => nameOf(edges[k].unit) === unit)
  const size = (/** @type {number} */ k) => Math.abs(Number((values[k] ?? "").replace("−", "-"))) || 0
  return (into.length ? into : places.filter((k) => nameOf(edges[k].source) === unit)).sort((a, b) => size(b) - size(a))
}

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }

/** Give the unit an arrow key leads to. @param {Element} svg @param {Element} unit @param {[number, number]} step */
function beside(svg, unit, [across, down]) {
  const columns = [...svg.querySelectorAll("[data-units]")].filter((one) => one.querySelector(".unit"))
  const column = columns.findIndex((one) => one.contains(unit))
  const own = [...columns[column].querySelectorAll(".unit")]
  if (down) return own[own.indexOf(unit) + down]
  const others = [...(columns[column + across]?.querySelectorAll(".unit") ?? [])]
  const height = (/** @type {Element} */ one) => Number(one.querySelector("text")?.getAttribute("y"))
  return others.sort((a, b) => Math.abs(height(a) - height(unit)) - Math.abs(height(b) - height(unit)))[0]
}

// ------------------------------------------------------------------------------------------------------------- events

panel?.addEventListener("part", (given) => {
  const event = /** @type {CustomEvent<import("./page.js").Part>} */ (given)
  const numbers = /** @type {Numbers | undefined} */ (event.detail.numbers)
  const svg = drawing()
  if (!numbers || !svg) return
  values = numbers.values.split(" ")
  if (weight !== numbers.weight) {
    weight = numbers.weight
    mark()
  }
  write(panel, numbers)
  const place = panel.querySelector(".net-told")
  if (place && shown >= 0) put(place, told(svg, shown))
  if (!svg.querySelector('.unit[tabindex="0"]')) begin(svg)
  const focused = document.activeElement
  if (focused instanceof SVGElement && svg.contains(focused) && focused.tagName === "path") {
    const k = edgesOf(svg).findIndex((edge) => edge.path === focused)
    focused.setAttribute("aria-label", told(svg, k))
  }
})

/** Make a new drawing ready: its size, its marks, and the keyboard where it was. @param {SVGSVGElement} svg */
function begin(svg) {
  const [wide, high] = ["width", "height"].map((one) => Number(svg.getAttribute(one)))
  const fits = Math.max(LEGIBLE / LETTERS, Math.min(LARGER, (TALL * innerHeight) / high))
  svg.style.width = "100%"
  svg.style.minWidth = `${Math.ceil((wide * LEGIBLE) / LETTERS)}px`
  svg.style.maxWidth = `${Math.round(wide * fits)}px`
  mark()
  const units = [...svg.querySelectorAll(".unit")]
  const unit = units.find((one) => nameOf(one) === (at.unit || looked)) ?? units[0]
  if (!unit) return
  const lost = held && (document.activeElement === document.body || document.activeElement === null)
  const back = lost && at.weight ? edgesOf(svg).findIndex((edge) => edge.name === at.weight) : -1
  goTo(svg, unit, lost && back < 0)
  if (back >= 0) goToEdge(svg, back)
}

document.getElementById("panel-unit")?.addEventListener("part", (given) => {
  const event = /** @type {CustomEvent<import("./page.js").Part>} */ (given)
  const numbers = /** @type {{unit: string, told: string} | undefined} */ (event.detail.numbers)
  if (!numbers) return
  if (near?.isConnected && nameOf(near) === numbers.unit) {
    const box = near.getBoundingClientRect()
    say(numbers.told, box.left, box.bottom - 8)
  }
  if (numbers.unit === looked) return
  looked = numbers.unit
  mark()
})

panel?.addEventListener("mousemove", (event) => {
  const svg = drawing()
  const target = /** @type {Element} */ (event.target)
  if (!svg || !svg.contains(target)) return
  const unit = target.closest(".unit")
  if (unit) {
    if (unit === near) return
    tip(-1)
    near = unit
    bringOut(unit)
    return look(nameOf(unit))
  }
  const k = pointed(svg, event)
  svg.classList.toggle("at-edge", k >= 0)
  tip(k, event.clientX, event.clientY)
  bringOut(null, k)
})
panel?.addEventListener("mouseleave", () => {
  clearTimeout(waiting)
  tip(-1)
  bringOut(null)
})

addEventListener("resize", () => tip(-1))

panel?.addEventListener("click", (event) => {
  const svg = drawing()
  const target = /** @type {Element} */ (event.target)
  if (!svg || !svg.contains(target)) return
  const unit = target.closest(".unit")
  if (unit) {
    goTo(svg, unit)
    return look(nameOf(unit))
  }
  const k = pointed(svg, event)
  if (k >= 0) choose(edgesOf(svg)[k].name, true)
})

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-weight]") : null
  if (button) choose(button.getAttribute("data-weight") ?? "", true)
})

panel?.addEventListener("focusin", (event) => {
  const svg = drawing()
  const target = /** @type {Element} */ (event.target)
  if (!svg || !svg.contains(target)) return
  const unit = target.closest(".unit")
  if (unit) {
    held = true
    at = { unit: nameOf(unit), weight: "" }
    goTo(svg, unit, false)
    near = unit
    bringOut(unit)
    return look(nameOf(unit))
  }
  const k = edgesOf(svg).findIndex((edge) => edge.path === target)
  if (k < 0) return
  held = true
  at.weight = edgesOf(svg)[k].name
  bringOut(null, k)
  const box = target.getBoundingClientRect()
  tip(k, box.left + box.width / 2, box.top + box.height / 2)
})
panel?.addEventListener("focusout", (event) => {
  const target = /** @type {Element} */ (event.target)
  setTimeout(() => {
    if (target.isConnected && document.activeElement?.closest("svg.net") === null) held = false // else it was swapped
  })
  tip(-1)
  bringOut(null)
  if (target.tagName === "path") for (const one of ["tabindex", "role", "aria-label"]) target.removeAttribute(one)
})

panel?.addEventListener("keydown", (event) => {
  const svg = drawing()
  const target = /** @type {Element} */ (event.target)
  if (!svg || !svg.contains(target) || event.ctrlKey || event.altKey || event.metaKey) return
  const unit = target.closest(".unit")
  const block = target.closest(".block[data-do]")
  const step = STEPS[event.key]
  const enter = event.key === "Enter" || event.key === " "
  if (block && enter) {
    block.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }))
    event.preventDefault()
  }
  if (unit) {
    const next = step ? beside(svg, unit, step) : undefined
    const first = enter ? edgesAt(svg, nameOf(unit))[0] : undefined
    if (next) goTo(svg, next)
    if (first !== undefined) goToEdge(svg, first)
    if (step || enter) event.preventDefault()
    return
  }
  const edges = edgesOf(svg)
  const k = edges.findIndex((edge) => edge.path === target)
  if (k < 0) return
  const own = edgesAt(svg, at.unit)
  if (step) goToEdge(svg, own[(own.indexOf(k) + step[0] + step[1] + own.length) % own.length])
  else if (enter) choose(edges[k].name, false).then(() => document.getElementById("weight-box")?.focus())
  else if (event.key === "Escape") {
    const back = [...svg.querySelectorAll(".unit")].find((one) => nameOf(one) === at.unit)
    if (back) goTo(svg, back)
  } else return
  event.preventDefault()
})

document.getElementById("panel-weight")?.addEventListener("keydown", (event) => {
  const svg = drawing()
  const k = svg ? edgesOf(svg).findIndex((edge) => edge.name === weight) : -1
  if (!svg || event.key !== "Escape" || k < 0) return
  const { source, unit } = edgesOf(svg)[k]
  if (at.unit !== nameOf(source)) at.unit = nameOf(unit)
  goToEdge(svg, k)
})
