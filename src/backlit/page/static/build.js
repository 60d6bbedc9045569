// The panel build: sends what is changed, keeps the settings in the address, and copies the command.

import { send } from "./page.js"

const panel = document.getElementById("panel-build")

panel?.addEventListener("change", (event) => {
  const control = /** @type {HTMLInputElement | HTMLSelectElement} */ (event.target)
  const name = control.getAttribute("data-setting")
  if (name) send("build.change", { name, text: control.value }, control)
})

panel?.addEventListener("part", (event) => {
  const { numbers } = /** @type {CustomEvent<{numbers?: Record<string, string>}>} */ (event).detail
  if (!numbers) return
  const readable = (/** @type {string} */ text) => encodeURIComponent(text).replaceAll("%3A", ":").replaceAll("%2C", ",")
  const settings = Object.entries(numbers).map(([name, text]) => `${name}=${readable(text)}`).join("&")
  history.replaceState(null, "", location.pathname + (settings && `#${settings}`))
})

panel?.addEventListener("click", (event) => {
  const words = document.getElementById("build-command")
  if (!(event.target instanceof Element) || event.target.id !== "build-copy" || !words) return
  const select = () => getSelection()?.selectAllChildren(words)
  if (navigator.clipboard) navigator.clipboard.writeText(words.textContent ?? "").catch(select)
  else select()
})

if (panel && location.hash.length > 1) {
  send("build.restore", { settings: Object.fromEntries(new URLSearchParams(location.hash.slice(1))) }, panel)
}
