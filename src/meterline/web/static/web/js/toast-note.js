// A message that can be put away; it stays until then, since not everybody reads fast.
class ToastNote extends HTMLElement {
  connectedCallback() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet icon-only small";
    button.setAttribute("aria-label", document.documentElement.dataset.close || "Close");
    button.textContent = "×";
    button.addEventListener("click", () => this.remove());
    this.append(button);
  }
}
customElements.define("toast-note", ToastNote);
