"""The page in a real browser: everything works by mouse and by keyboard, for everybody, on every screen."""

from __future__ import annotations

import pytest


@pytest.fixture
def page(open_page, drifted_page):
    return open_page(drifted_page)


def image(page):
    """The view of the array that is shown as a picture."""
    return page.locator(".view", has=page.locator("h5", has_text="image"))


def stack(page):
    return page.locator(".view", has=page.locator("h5", has_text="stack"))


def press(page, target, *keys):
    """Focus an element, as the tabulator key does, and press keys."""
    target.focus()
    for key in keys:
        page.keyboard.press(key)


def clip(view):
    return view.locator(".obtained").first.evaluate("it => getComputedStyle(it).clipPath")


def test_the_page_shows_what_drifted_and_the_next_command(page):
    assert page.title() == "Golden files of drifted0"
    assert page.locator(".next code").inner_text() == 'pytest --force-regen --golden-reason "..."'
    assert page.locator("#item-0").evaluate("it => it.open")
    pictures = page.locator("#item-0 img")
    assert pictures.count() > 10
    for number in range(pictures.count()):
        assert pictures.nth(number).evaluate("async it => { await it.decode(); return it.naturalWidth }") > 0


def test_nothing_foreign_can_run(open_page, drifted_page):
    """The policy blocks scripts, styles and requests, even those that someone gets into the page."""
    page = open_page(drifted_page, quiet=False)
    blocked = page.evaluate(
        """async () => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          document.body.setAttribute("style", "color: red");
          const answer = await fetch("http://127.0.0.1:9/").catch(() => "refused");
          return [window.ran ?? false, getComputedStyle(document.body).color, answer];
        }"""
    )
    assert blocked[0] is False
    assert blocked[1] != "rgb(255, 0, 0)"
    assert blocked[2] == "refused"


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_modes(page, by):
    """Side by side, swipe, blink and difference only: each shows its pictures and hides the others."""
    view = image(page)
    radios = view.locator(".modes input")

    def shown(selector):
        return view.locator(selector).first.is_visible()

    def choose(mode):
        if by == "mouse":
            view.get_by_label(mode, exact=True).check()
        else:
            press(page, view.locator(".modes input:checked"), "ArrowRight")

    assert radios.evaluate_all("all => all.map(it => it.value)") == ["side", "swipe", "blink", "difference"]
    assert (shown(".golden"), shown(".obtained"), shown(".difference")) == (True, True, True)
    choose("swipe")
    assert (shown(".swiper"), shown(".difference"), shown(".blinker")) == (True, False, False)
    choose("blink")
    assert (shown(".swiper"), shown(".blinker")) == (False, True)
    choose("difference only")
    assert (shown(".golden"), shown(".difference"), shown(".blinker")) == (False, True, False)


def test_swipe_by_mouse(page):
    view = image(page)
    view.get_by_label("swipe").check()
    assert clip(view) == "inset(0px 0px 0px 50%)"
    middle = view.locator(".obtained").first.evaluate(
        "it => { const box = it.getBoundingClientRect(); return box.left + box.width / 2 }"
    )
    assert view.locator(".line").first.bounding_box()["x"] == pytest.approx(middle, abs=2)
    box = view.locator(".pair").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60)
    page.mouse.up()
    assert view.locator(".swiper input").input_value() == "25"
    assert clip(view) == "inset(0px 0px 0px 25%)"
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    assert view.locator(".swiper input").input_value() == "25"


def test_swipe_by_keyboard(page):
    view = image(page)
    press(page, view.get_by_label("side by side"), "ArrowRight")
    press(page, view.locator(".swiper input"), "End", "ArrowLeft")
    assert clip(view) == "inset(0px 0px 0px 99%)"
    press(page, view.get_by_label("swipe"), "ArrowLeft")
    assert clip(view) == "none"


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_blink(page, by):
    view = image(page)
    view.get_by_label("blink").check()
    page.locator(".view[data-mode=blink][data-shown=obtained]").wait_for()
    assert view.locator(".shown").inner_text() == "obtained"

    def click(name):
        button = view.get_by_role("button", name=name)
        if by == "mouse":
            button.click()
        else:
            press(page, button, "Space")

    click("Pause")
    before = view.get_attribute("data-shown")
    page.wait_for_timeout(1000)
    assert view.get_attribute("data-shown") == before
    click("Show the other")
    assert {before, view.get_attribute("data-shown")} == {"golden", "obtained"}
    hidden = view.locator(f".{before}").first.evaluate("it => getComputedStyle(it).visibility")
    assert hidden == "hidden"
    click("Continue")
    assert view.get_by_role("button", name="Pause").is_visible()


def test_nothing_blinks_by_itself_where_motion_is_not_wanted(open_page, drifted_page):
    page = open_page(drifted_page, reduced_motion="reduce")
    view = image(page)
    view.get_by_label("blink").check()
    page.wait_for_timeout(1000)
    assert view.get_attribute("data-shown") == "golden"
    assert not view.locator(".pause").is_visible()
    view.get_by_role("button", name="Show the other").click()
    assert view.get_attribute("data-shown") == "obtained"


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_slices(page, by):
    view = stack(page)
    slider = view.locator(".slider input")
    slices = view.locator(".slice")
    assert slices.count() > 2
    assert slices.nth(0).is_visible()
    if by == "mouse":
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    else:
        press(page, slider, "End")
    assert not slices.nth(0).is_visible()
    assert slices.last.is_visible()
    label = slices.last.get_attribute("data-label")
    assert view.locator(".slider output").inner_text() == label
    assert slider.get_attribute("aria-valuetext") == label


def test_curves_begin_with_both_in_one_picture(page):
    view = page.locator(".view", has=page.locator("h5", has_text="curve"))
    assert view.locator(".overlay").first.is_visible()
    assert not view.locator(".pair").first.is_visible()
    view.get_by_label("side by side").check()
    assert not view.locator(".overlay").first.is_visible()
    assert view.locator(".golden").first.is_visible()


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_filter_and_search(page, by):
    items = page.locator(".item")

    def shown():
        return [number for number in range(items.count()) if items.nth(number).is_visible()]

    if by == "mouse":
        page.get_by_label("Kind").select_option("baseline")
    else:
        press(page, page.get_by_label("Kind"), "b")
    assert shown() == [1]
    assert page.locator("#shown").inner_text() == "1 of 2 shown"
    page.get_by_label("Kind").select_option("")
    press(page, page.get_by_label("Search"), *"SMOOTH")
    assert shown() == [1]
    page.get_by_label("Search").fill("no such name")
    assert page.locator("#shown").inner_text() == "0 of 2 shown"
    page.get_by_label("Search").fill("")
    count = page.locator(".count").first
    count.click() if by == "mouse" else press(page, count, "Enter")
    assert page.get_by_label("Verdict").input_value() == "drifted"
    assert count.get_attribute("aria-pressed") == "true"
    assert shown() == [0, 1]


def test_details_open_and_close_by_keyboard(page):
    details = page.locator("#item-0")
    press(page, details.locator("summary"), "Enter")
    assert not details.evaluate("it => it.open")
    press(page, page.get_by_role("button", name="Open all"), "Enter")
    assert details.evaluate("it => it.open")
    press(page, page.get_by_role("button", name="Close all"), "Enter")
    assert page.locator("details[open]").count() == 0


def test_the_first_tab_stop_skips_to_the_files_and_focus_shows(page):
    page.keyboard.press("Tab")
    link = page.locator(".skip")
    assert link.evaluate("it => it === document.activeElement")
    assert link.bounding_box()["x"] >= 0
    assert link.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.url.endswith("#files")


def test_everything_is_shown_without_scripts(open_page, drifted_page):
    page = open_page(drifted_page, java_script_enabled=False)
    assert not page.locator(".filter").is_visible()
    assert page.locator(".slice").last.is_visible()
    assert page.locator(".overlay").first.is_visible()
    assert page.locator(".pair").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(open_page, drifted_page, axe, scheme, width):
    """In a context that lets axe in past the page's own policy."""
    page = open_page(
        drifted_page, color_scheme=scheme, bypass_csp=True, viewport={"width": width, "height": 800}
    )
    page.locator(".view .modes").first.wait_for()
    image(page).get_by_label("swipe").check()
    page.add_script_tag(content=axe)
    result = page.evaluate("axe.run({resultTypes: ['violations']})")
    found = [(item["id"], node["html"][:200]) for item in result["violations"] for node in item["nodes"]]
    assert found == []
    assert len(result["passes"]) > 20


@pytest.mark.parametrize(
    ("width", "height"), [(360, 740), (320, 256)], ids=["phone", "1280 pixels at 400 % zoom"]
)
def test_nothing_runs_off_a_small_screen(open_page, drifted_page, width, height):
    page = open_page(drifted_page, viewport={"width": width, "height": height})
    page.get_by_role("button", name="Open all").click()
    for mode in ("swipe", "blink", "difference only", "side by side"):
        image(page).get_by_label(mode, exact=True).check()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_printed_page_has_all_details_and_no_controls(page):
    page.get_by_role("button", name="Close all").click()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert not page.locator(".filter").is_visible()
    assert not page.locator(".modes").first.is_visible()


def test_two_thousand_files_can_be_searched(open_page, drifted_template, tmp_path, monkeypatch):
    """Their rows are on the page; what is left out is said."""
    from harness.core.overview.collect import collect_overview
    from harness.core.storage.project import Project
    from harness.report.page import build
    from harness.report.page.render import render_page

    monkeypatch.setattr(build, "FIGURE_GROUPS", 0)
    page = build.build_page(collect_overview(Project(drifted_template)))
    rest = tuple(
        page.items[1]._replace(number=number, name=f"many/{number:04}", word="same", has_details=False)
        for number in range(2, 2000)
    )
    path = tmp_path / "many.html"
    path.write_text(render_page(page._replace(items=(*page.items, *rest))), "utf-8")
    shown = open_page(path)
    assert shown.locator(".item").count() == 2000
    shown.get_by_label("Search").fill("many/1234")
    assert shown.locator("#shown").inner_text() == "1 of 2000 shown"
