// Copies the text of data-text, or of the code beside it.
class CopyText extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", async () => {
      const text = this.dataset.text ?? this.closest(".code")?.querySelector("code").textContent ?? "";
      await navigator.clipboard.writeText(text);
      const button = this.querySelector("button");
      button.setAttribute("data-copied", "");
      setTimeout(() => button.removeAttribute("data-copied"), 1200);
    });
  }
}
customElements.define("copy-text", CopyText);
