// The panel build: sends what is changed.

import { send } from "./page.js"

const panel = document.getElementById("panel-build")

panel?.addEventListener("change", (event) => {
  const control = /** @type {HTMLInputElement | HTMLSelectElement} */ (event.target)
  const name = control.getAttribute("data-setting")
  if (name) send("build.change", { name, text: control.value }, control)
})
