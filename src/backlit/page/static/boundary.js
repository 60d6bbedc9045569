// The boundary: draws the raster of the plane below its rows, and writes in what changes while it trains.

/** @typedef {{raster: number, over: string, brief: string, words: string, table: string, low: string, high: string}} Numbers */
/** @typedef {{number: number, points: number, light: string[], dark: string[], places: Uint8Array}} Raster */

const panel = document.getElementById("panel-boundary")
const dark = matchMedia("(prefers-color-scheme: dark)")

/** The raster that was fetched last. @type {Raster | null} */
let raster = null
/** The number of the raster that is wanted, and whether one is on its way. */
let wanted = 0
let fetching = false

/** Read a raster: the length of its head, the head as JSON, a byte for each point. @param {ArrayBuffer} bytes @returns {Raster} */
function read(bytes) {
  const length = new DataView(bytes).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)))
  return { ...head, places: new Uint8Array(bytes, 4 + length) }
}

/** Put the canvas where the plot lies, and draw the raster there, each point in the middle of its cell. */
function draw() {
  const plane = document.getElementById("boundary-plane")
  const canvas = plane?.querySelector("canvas")
  const context = canvas?.getContext("2d")
  if (!plane || !canvas || !context) return
  const [left, top, width, height] = (plane.dataset.box ?? "").split(" ")
  Object.assign(canvas.style, { left: `${left}%`, top: `${top}%`, width: `${width}%`, height: `${height}%` })
  if (!raster) return
  const { points, places } = raster
  const colours = (dark.matches ? raster.dark : raster.light).map((one) => parseInt(one.slice(1), 16))
  const small = Object.assign(document.createElement("canvas"), { width: points, height: points })
  const image = new ImageData(points, points)
  for (let k = 0; k < places.length; k++) {
    const colour = colours[places[k]]
    image.data.set([colour >> 16, (colour >> 8) & 255, colour & 255, 255], 4 * k)
  }
  small.getContext("2d")?.putImageData(image, 0, 0)
  const cell = canvas.width / (points - 1)
  context.drawImage(small, -cell / 2, -cell / 2, cell * points, cell * points)
}

/** Fetch the raster that is wanted, one at a time. */
async function load() {
  if (fetching || raster?.number === wanted) return
  fetching = true
  const asked = wanted
  const response = await fetch(`/raster/boundary/plane?number=${asked}`).catch(() => null)
  const bytes = response?.ok ? await response.arrayBuffer().catch(() => null) : null
  fetching = false
  if (bytes) raster = read(bytes)
  draw()
  if (asked !== wanted) load()
}

/** Write text or HTML into a place, where it differs. @param {string} id @param {"innerHTML" | "textContent"} kind @param {string} content */
function put(id, kind, content) {
  const place = document.getElementById(id)
  if (place && place[kind] !== content) place[kind] = content
}

panel?.addEventListener("part", (event) => {
  const numbers = /** @type {CustomEvent<{numbers?: Numbers}>} */ (event).detail.numbers
  draw()
  if (!numbers) return
  put("boundary-under", "innerHTML", numbers.over)
  put("boundary-cells", "innerHTML", numbers.table)
  put("boundary-words", "textContent", numbers.words)
  put("boundary-brief", "textContent", numbers.brief)
  put("boundary-low", "textContent", numbers.low)
  put("boundary-high", "textContent", numbers.high)
  wanted = numbers.raster
  load()
})

dark.addEventListener("change", draw)
draw()
