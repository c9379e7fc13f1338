"""Every page in a browser, as wide as a laptop and as a phone: nothing sticks out, and no error."""

import html
import json
import re
import shutil
import subprocess

import pytest

BROWSERS = "chromium", "chromium-browser", "google-chrome", "chrome"
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
WIDTHS = 1366, 400
SOME = 8  # one of so many sources is opened
FRAMES = """<!doctype html><meta charset="utf-8"><body>%s<script>
const keyless = (page) => [...page.querySelectorAll("a, summary")].filter((element) => {
  const around = element.matches("summary") ? element.parentElement.parentElement : element;
  if (around.closest("details:not([open])")) return false;  // inside of what is folded
  element.focus();
  return page.activeElement !== element || element.tabIndex < 0;
}).map((element) => element.outerHTML.slice(0, 120));
const lit = (page) => {  // what lights up when a name is pointed at, left, tapped, and tapped elsewhere
  const view = page.defaultView, steps = [];
  const send = (kind, element) => {
    element.dispatchEvent(new view.PointerEvent(kind, { bubbles: true }));
    const places = [...page.querySelectorAll(".lit")];
    steps.push({ names: [...new Set(places.map((place) => place.dataset.n))],
                 where: [...new Set(places.map((place) => place.closest("math, code").localName
                   + " in " + (place.closest(".equation, .numpy, .torch, .folds")?.className ?? "text")))].sort() });
  };
  const [name] = page.querySelectorAll('.numpy [data-n="xhat"]'), title = page.querySelector("h1");
  for (const [kind, element] of [["pointerover", name], ["pointerover", title], ["click", name], ["click", title]]) send(kind, element);
  const fold = page.querySelector("summary");
  fold.click();
  return { steps, open: fold.parentElement.open };
};
addEventListener("load", () => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, wide = frame.clientWidth;
    const seen = { page: frame.dataset.page, width: wide, text: page.body.innerText.length, out: [] };
    if (page.documentElement.scrollWidth > wide) seen.out.push("the page");
    for (const element of page.querySelectorAll("main *, header *")) {
      if (element.closest("pre *, math *, table *, svg *, .skip")) continue;
      const box = element.getBoundingClientRect();
      if (box.width && box.right > wide + 1) seen.out.push(element.outerHTML.slice(0, 120));
    }
    seen.keyless = keyless(page);
    if (seen.page === "layer_norm.html") seen.lit = lit(page);
    found.push(seen);
  }
  document.body.textContent = "@@" + JSON.stringify(found) + "@@";
});</script>"""


@pytest.mark.skipif(BROWSER is None, reason=f"no browser is installed (looked for {', '.join(BROWSERS)})")
def test_every_page_fits_a_laptop_and_a_phone(book, tmp_path):
    pages = sorted(path for path in book.rglob("*.html"))
    chapters = [path for path in pages if path.parent == book]
    sources = [path for path in pages if path.parent != book][::SOME]  # one function makes them all
    shown = [(path, width) for path in chapters for width in WIDTHS]
    shown += [(path, WIDTHS[1]) for path in sources]
    frames = "".join(f'<iframe src="{path.as_uri()}" data-page="{path.name}" style="border:0" '
                     f'width="{width}" height="800"></iframe>' for path, width in shown)
    (tmp_path / "frames.html").write_text(FRAMES % frames, encoding="utf-8")
    run = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
         (tmp_path / "frames.html").as_uri()],
        capture_output=True, text=True, encoding="utf-8", timeout=300)
    found = json.loads(html.unescape(re.search("@@(.*)@@", run.stdout, re.S)[1]))
    assert len(found) == len(shown) and all(seen["text"] > 100 for seen in found)
    assert not [seen for seen in found if seen["out"]]
    assert not [seen for seen in found if seen["keyless"]]  # Tab finds every link and every fold
    check_names([seen["lit"] for seen in found if "lit" in seen])
    assert ":CONSOLE" not in run.stderr


def check_names(found):
    """A name that is pointed at or tapped lights up in all columns, and in nothing else."""
    assert len(found) == len(WIDTHS)
    for one in found:
        pointed, left, tapped, away = one["steps"]
        assert pointed["names"] == ["xhat"] and tapped == pointed
        assert {"math in equation", "code in numpy", "code in folds", "math in text"} <= set(pointed["where"])
        assert left == away == {"names": [], "where": []}
        assert one["open"]  # a fold is the browser's own: a click opens it, and so do its keys
