"""What the keyboard reaches on a page."""

from playwright.sync_api import Page


def unreached(page: Page) -> list[str]:
    """The controls that Tab does not reach, or whose focus is not seen."""
    most, shown = page.evaluate(
        """controls => {
          window.cairnFocused = new Set(); window.cairnUnseen = [];
          window.cairnKey = it => it.type === 'radio' ? 'radio ' + it.name : it;
          window.cairnControls = () => [...document.querySelectorAll(controls)].filter(it =>
            it.checkVisibility({visibilityProperty: true}) && !it.disabled);
          document.addEventListener('focusin', event => {
            const it = event.target; window.cairnFocused.add(window.cairnKey(it));
            if (getComputedStyle(it).outlineStyle === 'none') window.cairnUnseen.push(it.outerHTML);
          });
          document.body.tabIndex = -1; document.body.focus();
          const shown = new Set(window.cairnControls().map(window.cairnKey));
          return [document.querySelectorAll(controls).length + 5, shown.size];
        }""",
        "a[href], button, input:not([type=hidden]), select, textarea, summary",
    )
    missed: list[str] = []
    for presses in (shown, most - shown):  # once round the page, and further if that was not all
        for _ in range(presses):
            page.keyboard.down("Tab")  # held down, it goes on
        page.keyboard.up("Tab")
        missed = page.evaluate(
            """() => window.cairnControls()
              .filter(it => !window.cairnFocused.has(window.cairnKey(it)))
              .map(it => 'not reached: ' + it.outerHTML.slice(0, 90))
              .concat(window.cairnUnseen.map(it => 'focus is not seen: ' + it.slice(0, 90)))"""
        )
        if not missed:
            break
    return missed
