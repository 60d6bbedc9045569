// A learner's own numbers: they are sent when they are checked or left, and what changes is written in beside them.
import { send, tell } from "./page.js"

/** @typedef {{where: string, text: string, hint: string, sign: string, said: string}} Numbers */

/** Milliseconds after which the page says that it checks. */
const SLOW = 400

const panel = document.getElementById("panel-check")

/** What the session has, as far as this page knows: other words in the field are typed and not sent yet. */
let known = ""
/** Commands that are awaited. */
let asking = 0

/** @template {HTMLElement} T @param {string} name @returns {T} */
const part = (name) => /** @type {T} */ (document.getElementById(`check-${name}`))

/** Send the numbers with a command; give whether they fit. @param {string} name @param {object} given */
async function ask(name, given = {}) {
  /** @type {HTMLTextAreaElement} */
  const field = part("text")
  known = field.value
  asking += 1
  const slow = setTimeout(() => tell("Checking …", field), SLOW)
  const fits = await send(name, { numbers: known, ...given }, field)
  clearTimeout(slow)
  asking -= 1
  if (fits) field.removeAttribute("aria-invalid")
  else field.setAttribute("aria-invalid", "true")
  if (latest) write(latest)
  return fits
}

/** @type {Numbers | null} */
let latest = null

/** Write in what the session has. @param {Numbers} numbers */
function write(numbers) {
  latest = numbers
  /** @type {HTMLTextAreaElement} */
  const field = part("text")
  if (!field || asking) return
  field.defaultValue = numbers.text
  if (field.value === known && known !== numbers.text) field.value = numbers.text
  if (field.value === numbers.text) known = numbers.text
  for (const name of /** @type {("where" | "said")[]} */ (["where", "said"])) {
    if (part(name).textContent !== numbers[name]) part(name).textContent = numbers[name]
  }
  /** @type {HTMLSelectElement} */ (part("hint")).value = numbers.hint
  /** @type {HTMLSelectElement} */ (part("sign")).value = numbers.sign
}

async function check() {
  part("said").textContent = "" // the same verdict again is read out again
  await ask("check.judge")
}

/** Add names, and go to the first one that has no number. */
async function names() {
  if (!(await ask("check.names", { part: /** @type {HTMLSelectElement} */ (part("part")).value }))) return
  /** @type {HTMLTextAreaElement} */
  const field = part("text")
  const at = /= *$/m.exec(field.value)
  field.focus()
  if (at) field.setSelectionRange(at.index + at[0].length, at.index + at[0].length)
}

panel?.addEventListener("click", (event) => {
  const id = event.target instanceof Element ? event.target.closest("button")?.id : ""
  if (id === "check-check") check()
  if (id === "check-names") names()
})
panel?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.target !== part("text")) return
  event.preventDefault()
  check()
})
panel?.addEventListener("change", (event) => {
  const field = event.target
  if (field === part("text") && /** @type {HTMLTextAreaElement} */ (field).value !== known) ask("check.write")
  if (field === part("sign")) send("check.means", { delta: /** @type {HTMLSelectElement} */ (field).value }, part("text"))
})
panel?.addEventListener("part", (event) => {
  const { numbers } = /** @type {CustomEvent<{numbers?: Numbers}>} */ (event).detail
  if (numbers) write(numbers)
})
