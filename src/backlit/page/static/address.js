// The address: its fragment holds all that is chosen. An address that a person gives is restored; one that the page
// has written is not, so that reloading, going back and going forward change nothing.
import { send, show } from "./page.js"

const panel = document.getElementById("panel-address")
const FIRST = document.querySelector("[role=tab]")?.id

/** What the session says is chosen. @type {Record<string, string> | null} */
let facts = null
/** Whether an address that a person gave is being restored. */
let restoring = false
/** The fragment that was restored last: another one that the page has not written is a person's, and waits for its turn. */
let taken = ""

/** The fragment in readable letters, as far as an address allows. @param {string} text */
const readable = (text) => encodeURIComponent(text).replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2B", "+")

/** Write what is chosen into the address, with the view that this tab shows. */
function write() {
  const waits = !history.state?.own && location.hash.includes("=") && location.hash !== taken
  if (!facts || restoring || waits) return
  const tab = document.querySelector('[role=tab][aria-selected="true"]')?.id
  const words = Object.entries(facts).filter(([name]) => name !== "view")
  if (tab && tab !== FIRST) words.push(["view", tab.replace("tab-", "")])
  const fragment = words.map(([name, text]) => `${name}=${readable(text)}`).join("&")
  if (location.hash !== `#${fragment}` || !history.state?.own) {
    history.replaceState({ own: true }, "", `${location.pathname}#${fragment}`)
  }
}

/** Read a fragment: names with texts. @returns {Record<string, string>} */
function given() {
  const pairs = location.hash.slice(1).split("&").map((pair) => pair.split(/=(.*)/s))
  return Object.fromEntries(pairs.map(([name, text]) => [decoded(name), decoded(text ?? "")]))
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Open the view that the address holds. */
function open() {
  const tab = document.getElementById(`tab-${given().view ?? "network"}`)
  if (tab && tab.getAttribute("aria-selected") !== "true") show(tab)
}

/** Take the address, where a person gave it. */
async function take() {
  if (history.state?.own || !location.hash.includes("=")) return write()
  restoring = true
  taken = location.hash
  const settings = given()
  open()
  await send("address.restore", { settings })
  restoring = false
  document.getElementById("address-keep")?.focus() // it asks, where much would be lost
  write()
}

panel?.addEventListener("part", (event) => {
  const { numbers } = /** @type {CustomEvent<{numbers?: Record<string, string>}>} */ (event).detail
  if (numbers) facts = numbers
  write()
})

document.addEventListener("view", (event) => {
  write()
  if (!restoring) send("address.show", { view: /** @type {CustomEvent<string>} */ (event).detail }, null, [])
})

panel?.addEventListener("click", (event) => {
  const words = document.getElementById("address-command")
  if (!(event.target instanceof Element) || event.target.id !== "address-copy" || !words) return
  const said = (/** @type {string} */ text) => {
    const place = document.getElementById("address-said")
    if (place) place.textContent = text
  }
  const select = () => {
    getSelection()?.selectAllChildren(words)
    said("It is selected: copy it with Ctrl+C.")
  }
  if (navigator.clipboard) navigator.clipboard.writeText(words.textContent ?? "").then(() => said("Copied."), select)
  else select()
})

if (panel) {
  addEventListener("hashchange", take)
  addEventListener("DOMContentLoaded", () => {
    if (history.state?.own && location.hash.includes("=")) open()
    else take()
  })
}
