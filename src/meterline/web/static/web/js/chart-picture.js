// The picture of a chart, in the width that there is. Where it does not come, its table is shown.
const NARROW_REM = 26;

class ChartPicture extends HTMLElement {
  connectedCallback() {
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this);
  }

  disconnectedCallback() {
    this.sizes?.disconnect();
  }

  async draw() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const width = this.clientWidth && (this.clientWidth < NARROW_REM * rem ? "narrow" : "wide");
    if (!width || width === this.className) return;
    this.className = width;
    const answer = await fetch(`${this.dataset.url}&${width}`, { redirect: "error" }).catch(() => undefined);
    if (this.className !== width) return;
    if (answer?.ok) this.innerHTML = await answer.text();
    else this.fail();
  }

  fail() {
    this.dataset.failed = "";
    this.nextElementSibling.open = true;
  }
}
customElements.define("chart-picture", ChartPicture);
