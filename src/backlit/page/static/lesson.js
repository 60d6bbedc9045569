// The lesson: opens the view that a step is about, once for each time that it is asked for.
import { show } from "./page.js"

let shown = -1

document.getElementById("panel-lesson")?.addEventListener("part", (event) => {
  const given = /** @type {CustomEvent<import("./page.js").Part>} */ (event).detail.numbers
  const wanted = /** @type {{view: string, shown: number} | undefined} */ (given)
  if (!wanted || wanted.shown === shown) return
  const first = shown < 0 // what was asked for before this page was opened
  shown = wanted.shown
  const tab = document.getElementById(`tab-${wanted.view}`)
  if (!first && tab && tab.getAttribute("aria-selected") !== "true") show(tab)
})
