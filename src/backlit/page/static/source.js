// What is trained on: sends choices from lists, and files that are opened or dropped anywhere on the page.

import { into, seen, send, show, swap, tell } from "./page.js"

const panel = document.getElementById("panel-source")

document.addEventListener("change", (event) => {
  const control = event.target
  if (!(control instanceof HTMLSelectElement || control instanceof HTMLInputElement)) return
  if (control.type === "file" && control.id === "source-file") {
    if (control.files?.[0]) upload(control.files[0])
    return
  }
  const { choose, key } = control.dataset
  if (!choose || !key || !control.value) return
  if (byKey && control instanceof HTMLSelectElement && panel?.contains(control)) {
    reading(control.value === own(control) ? "" : `Enter takes ${control.selectedOptions[0].text}, Escape goes back.`)
    return
  }
  take(control)
})

/** Whether a key has changed a list last: then it is taken by Enter, since it begins another training. */
let byKey = false

/** Give the value that a list has on the server. @param {HTMLSelectElement} list */
const own = (list) => [...list.options].find((one) => one.defaultSelected)?.value ?? ""

document.addEventListener("pointerdown", () => { byKey = false })
panel?.addEventListener("keydown", (given) => {
  const event = /** @type {KeyboardEvent} */ (given)
  const list = event.target
  byKey = list instanceof HTMLSelectElement && !event.ctrlKey && !event.metaKey
  if (!(list instanceof HTMLSelectElement) || list.value === own(list)) return
  if (event.key === "Enter") {
    event.preventDefault()
    take(list)
  } else if (event.key === "Escape") {
    list.value = own(list)
    reading("")
  }
})

/** Send what is chosen in a control. @param {HTMLSelectElement | HTMLInputElement} control */
function take(control) {
  const choose = control.dataset.choose ?? "", key = control.dataset.key ?? ""
  const value = control.dataset.kind === "number" ? Number(control.value) : control.value
  if (panel?.contains(control)) reading("Reading …")
  send(choose, { [key]: value }, control).then((fits) => {
    if (panel?.contains(control)) reading("")
    const now = fits ? null : document.getElementById(control.id)
    if (now instanceof HTMLSelectElement) now.value = own(now)
  })
}

/** What a screen reader says of a file: it stays where the panel is swapped. */
const said = document.createElement("p")
said.className = "unseen"
said.setAttribute("role", "status")
document.body.append(said)

/** Say that a file is read, or nothing. @param {string} words */
function reading(words) {
  const place = document.getElementById("source-reading")
  if (place) place.textContent = words
}

/** The file that is read now. */
let busy = ""

/** Send a file, which the page then trains on. @param {File} file */
async function upload(file) {
  const input = /** @type {HTMLInputElement | null} */ (document.getElementById("source-file"))
  const most = Number(input?.dataset.largest)
  if (busy) return tell(`${busy} is being read; open ${file.name} after that.`, panel)
  tell("", panel)
  if (file.size > most) {
    tell(`${file.name} has ${file.size.toLocaleString("en")} bytes; the page takes up to ${most.toLocaleString("en")} from a browser; in the terminal, backlit page ${file.name} takes it.`, panel)
    if (input) input.value = ""
    return
  }
  busy = file.name
  reading(`Reading ${file.name} …`)
  said.textContent = `Reading ${file.name}`
  const query = new URLSearchParams({ name: file.name, panels: seen().join(",") })
  const response = await fetch(`/upload?${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream", "X-Backlit": "1" },
    body: file,
  }).catch(() => null)
  busy = said.textContent = ""
  reading("")
  if (input) input.value = ""
  if (!response) return tell("The file cannot be read, or the program has ended.", panel)
  const text = await response.text().catch(() => "")
  /** @type {{error?: string, version?: number, parts?: Record<string, import("./page.js").Part>}} */
  let answer = { error: text || `The answer was ${response.status}.` }
  try {
    answer = JSON.parse(text)
  } catch {}
  for (const [name, part] of Object.entries(answer.parts ?? {})) swap(name, part, answer.version)
  tell(answer.error ?? "", panel)
  const rows = panel?.querySelector(".rows")?.textContent
  if (answer.parts && !answer.error) said.textContent = `${file.name} is open: ${rows}.`
}

/** Whether files are dragged. @param {DragEvent} event */
const files = (event) => event.dataTransfer?.types.includes("Files") ?? false
let inside = 0

document.addEventListener("dragenter", (event) => {
  if (!files(event)) return
  inside += 1
  document.body.classList.add("dropping")
})
document.addEventListener("dragleave", (event) => {
  if (!files(event)) return
  inside -= 1
  if (inside <= 0) document.body.classList.remove("dropping")
})
document.addEventListener("dragover", (event) => {
  if (files(event)) event.preventDefault()
})
document.addEventListener("drop", (event) => {
  if (!files(event)) return
  event.preventDefault()
  inside = 0
  document.body.classList.remove("dropping")
  const dropped = [...(event.dataTransfer?.files ?? [])]
  if (event.dataTransfer?.items[0]?.webkitGetAsEntry?.()?.isDirectory) {
    tell("A folder was dropped; expected one file. A folder of pictures is opened in the terminal: backlit page FOLDER.", panel)
  } else if (dropped.length === 1) upload(dropped[0])
  else tell(`${dropped.length} files were dropped; expected one.`, panel)
})

document.addEventListener("click", (event) => {
  const control = event.target instanceof Element ? event.target.closest("[data-view]") : null
  const tab = control && document.getElementById(`tab-${control.getAttribute("data-view")}`)
  if (tab) show(tab, true)
  if (tab?.id === "tab-step") into("step-on", "panel-step", tab)
  if (tab?.id === "tab-check") into("check-text", "panel-check", tab)
})

panel?.addEventListener("part", (event) => {
  const { numbers } = /** @type {CustomEvent<{numbers?: {title: string}}>} */ (event).detail
  const title = document.querySelector("h1.title")
  if (!numbers || !title || title.textContent === numbers.title) return
  title.textContent = numbers.title
  document.title = `${numbers.title} – Backlit`
})
