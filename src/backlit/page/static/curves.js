// The curves: a cursor by the arrow keys or the pointer that tells the numbers of an epoch; Enter replays it.
import { send } from "./page.js"

/** @typedef {{name: string, points: (number | null)[][], plot: number[], ends: number[], lines: string[]}} Chart */

/** @type {Record<string, Chart>} */
let charts = {}

/** The epoch that the cursor of a chart is at. @type {Map<string, number>} */
const cursors = new Map()

/** Write a number as the server does. @param {number} value */
function number(value) {
  const [mantissa, power] = String(value).replaceAll("-", "−").replace("+", "").split("e")
  return power ? `${mantissa}×10${power.replace(/./g, (one) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["−0123456789".indexOf(one)])}` : mantissa
}

/** @param {number | null | undefined} value @param {string} name */
function words(value, name) {
  if (value === null || value === undefined) return "not a finite number"
  if (name === "accuracy") return `${(100 * value).toFixed(1)} %`
  return number(Number(value.toPrecision(4)))
}

/** Give the place of the point that is nearest to an epoch. @param {Chart} chart @param {number} epoch */
function nearest(chart, epoch) {
  let best = 0
  chart.points.forEach((point, place) => {
    if (Math.abs(Number(point[0]) - epoch) < Math.abs(Number(chart.points[best][0]) - epoch)) best = place
  })
  return best
}

/** Draw a chart's cursor, and tell its numbers. @param {string} key */
function draw(key) {
  const box = document.getElementById(`curves-${key}`)
  const chart = charts[key]
  const told = document.getElementById(`curves-${key}-told`)
  const svg = box?.querySelector("svg")
  if (!box || !svg || !told || !chart?.points.length) return
  const last = chart.points.length - 1
  box.setAttribute("aria-valuemax", String(chart.points[last][0]))
  box.setAttribute("aria-valuemin", String(chart.points[0][0]))
  const epoch = cursors.get(key)
  svg.querySelector(".cursor")?.remove()
  if (epoch === undefined) return box.setAttribute("aria-valuenow", String(chart.points[last][0]))
  const point = chart.points[nearest(chart, epoch)]
  const [left, wide, top, high] = chart.plot
  const [low, end] = chart.ends
  const at = left + ((Number(point[0]) - low) / (end - low)) * wide
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path")
  line.setAttribute("class", "cursor")
  line.setAttribute("d", `M${at.toFixed(1)} ${top}v${high}`)
  svg.append(line)
  const values = chart.lines.map((name, k) => `${name} ${words(point[k + 1], chart.name)}`.trim())
  const said = `Epoch ${Number(Number(point[0]).toFixed(2)).toLocaleString("en")}: ${values.join(", ")}`
  told.textContent = said
  box.setAttribute("aria-valuenow", String(point[0]))
  box.setAttribute("aria-valuetext", said)
}

const curves = document.getElementById("panel-curves")
curves?.addEventListener("part", (event) => {
  const numbers = /** @type {Record<string, Chart> | undefined} */ (/** @type {CustomEvent} */ (event).detail.numbers)
  if (!numbers) return
  charts = numbers
  for (const key of Object.keys(charts)) draw(key)
})

/** @param {Event} event @returns {[HTMLElement, string] | null} */
function chartOf(event) {
  const box = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest("[data-curve]")) : null
  return box && charts[box.dataset.curve ?? ""]?.points.length ? [box, box.dataset.curve ?? ""] : null
}

curves?.addEventListener("keydown", (given) => {
  const event = /** @type {KeyboardEvent} */ (given)
  const found = chartOf(event)
  if (!found || event.ctrlKey || event.altKey || event.metaKey) return
  const [box, key] = found
  const points = charts[key].points
  const last = points.length - 1
  const epoch = cursors.get(key)
  if (event.key === "Enter" && epoch !== undefined) return void send("bar.at", { epoch: Math.floor(epoch) }, box)
  if (event.key === "Escape") {
    cursors.delete(key)
    const told = document.getElementById(`curves-${key}-told`)
    if (told) told.textContent = ""
    return draw(key)
  }
  const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity })
  const by = steps[event.key]
  if (by === undefined) return
  event.preventDefault()
  const from = epoch !== undefined ? nearest(charts[key], epoch) + by : Number.isFinite(by) ? last : by
  cursors.set(key, Number(points[Math.min(last, Math.max(0, from))][0]))
  draw(key)
})
curves?.addEventListener("pointermove", (given) => {
  const event = /** @type {PointerEvent} */ (given)
  const found = chartOf(event)
  const svg = found?.[0].querySelector("svg")
  if (!found || !svg) return
  const chart = charts[found[1]]
  const [left, wide] = chart.plot
  const box = svg.getBoundingClientRect()
  const share = (((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width - left) / wide
  const epoch = chart.ends[0] + share * (chart.ends[1] - chart.ends[0])
  cursors.set(found[1], Number(chart.points[nearest(chart, epoch)][0]))
  draw(found[1])
})
