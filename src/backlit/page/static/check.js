// A learner's own numbers: sent when they are checked or left; what changes is written in beside what is typed.
import { send, tell } from "./page.js"

/** @typedef {{where: string, text: string, hint: string, sign: string, said: string}} Numbers */

/** Milliseconds after which the page says that it checks. */
const SLOW = 400

const panel = document.getElementById("panel-check")

/** The numbers as the session has them: others in the field are typed, and not sent yet. */
let known = ""
/** Commands that are awaited. */
let asking = 0
/** @type {Numbers | null} */
let latest = null

/** @param {string} name */
const part = (name) => /** @type {HTMLSelectElement} */ (document.getElementById(`check-${name}`))
const field = () => /** @type {HTMLTextAreaElement | null} */ (document.getElementById("check-text"))

/** Send the numbers with a command; give whether they fit. @param {string} name @param {object} given */
async function ask(name, given = {}) {
  const text = field()
  if (!text) return false
  known = text.value
  asking += 1
  const slow = setTimeout(() => tell("Checking …", text), SLOW)
  const fits = await send(name, { numbers: known, ...given }, text)
  clearTimeout(slow)
  asking -= 1
  if (fits) text.removeAttribute("aria-invalid")
  else text.setAttribute("aria-invalid", "true")
  write()
  return fits
}

/** Write in what the session has. */
function write() {
  const text = field()
  if (!latest || !text || asking) return
  const now = latest.text
  if (text.defaultValue !== now) text.defaultValue = now // sets the cursor back
  if (text.value === known && known !== now) text.value = now
  if (text.value === now) known = now
  if (part("where").textContent !== latest.where) part("where").textContent = latest.where
  if (part("said").textContent !== latest.said) part("said").textContent = latest.said
  part("hint").value = latest.hint
  part("sign").value = latest.sign
}

function check() {
  part("said").textContent = "" // the same verdict is read out again
  ask("check.judge")
}

/** Add names, and go to the first one that has no number. */
async function names() {
  if (!(await ask("check.names", { part: part("part").value }))) return
  const text = field()
  const blank = /= *$/m.exec(text?.value ?? "")
  text?.focus()
  if (blank) text?.setSelectionRange(blank.index + blank[0].length, blank.index + blank[0].length)
}

panel?.addEventListener("click", (event) => {
  if (event.target === part("check")) check()
  if (event.target === part("names")) names()
})
panel?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.target !== field()) return
  event.preventDefault()
  check()
})
panel?.addEventListener("change", (event) => {
  if (event.target === field() && field()?.value !== known) ask("check.write")
  if (event.target === part("sign")) send("check.means", { delta: part("sign").value }, field())
})
panel?.addEventListener("part", (event) => {
  latest = /** @type {CustomEvent<{numbers?: Numbers}>} */ (event).detail.numbers ?? latest
  write()
})
