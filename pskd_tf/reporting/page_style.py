"""The style of every page; it names no font and no file from elsewhere."""

PAGE_STYLE = """
:root { --ink: #1c2024; --soft: #5b6570; --line: #e3e0da; --paper: #fdfcfa; --plate: #f5f3ee;
  --accent: #0b5c8a; color-scheme: light; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
.layout { max-width: 1380px; margin: 0 auto; padding: 0 40px;
  display: grid; grid-template-columns: 190px minmax(0, 1fr); gap: 48px; }
nav { position: sticky; top: 0; align-self: start; padding: 56px 0 24px; font-size: 14px;
  max-height: 100vh; overflow-y: auto; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: 5px 0; color: var(--soft); text-decoration: none; }
nav a:hover, nav a:focus { color: var(--accent); }
main { padding: 48px 0 80px; min-width: 0; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.018em; font-weight: 650;
  margin: 0 0 20px; }
h2 { font-size: 23px; line-height: 1.25; letter-spacing: -.01em; font-weight: 640;
  margin: 0 0 14px; }
h3 { font-size: 17px; font-weight: 630; margin: 34px 0 10px; }
h4 { font-size: 14.5px; font-weight: 620; margin: 0 0 8px; }
h4::first-letter { text-transform: uppercase; }
p { margin: 0 0 14px; max-width: 74ch; }
a { color: var(--accent); }
.kicker { color: var(--soft); font-size: 14px; margin: 0 0 10px; }
.lead { font-size: 18.5px; line-height: 1.55; max-width: 68ch; }
section { border-top: 1px solid var(--line); margin-top: 44px; padding-top: 34px; }
.facts { display: grid; gap: 14px 24px;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
  margin: 26px 0 22px; }
.fact { display: flex; flex-direction: column; padding-left: 12px;
  border-left: 3px solid var(--accent); }
.fact dd { margin: 0; font-size: 22px; font-weight: 620; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.fact dt { font-size: 13px; color: var(--soft); }
.warnings { margin: 0; padding: 14px 18px 14px 34px; background: var(--plate); font-size: 14.5px;
  max-width: 90ch; }
.warnings li + li { margin-top: 5px; }
.remark, figcaption { color: var(--soft); font-size: 13.5px; line-height: 1.5; max-width: 84ch; }
figure { margin: 28px 0 24px; }
figcaption { margin-bottom: 14px; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr));
  gap: 28px 30px; align-items: start; }
.panels.single { grid-template-columns: minmax(0, 1fr); }
.panels.wide { grid-template-columns: repeat(auto-fill, minmax(min(420px, 100%), 1fr)); }
.panel { min-width: 0; }
.panel .remark { margin: 6px 0 0; font-size: 12.5px; }
.clip .remark { margin: -6px 0 6px; }
svg { display: block; width: 100%; height: auto; overflow: visible;
  font-family: inherit; fill: var(--ink); }
svg .tick { font-size: 10.5px; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .name { font-size: 10.5px; fill: var(--soft); }
svg .row { font-size: 11.5px; fill: var(--ink); }
svg .halo { font-size: 12px; font-weight: 700; cursor: default;
  paint-order: stroke; stroke: #fff; stroke-width: 3.5px; stroke-linejoin: round; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .axis { stroke: #9a9fa5; stroke-width: 1; }
svg .plate { fill: var(--plate); }
svg .bones { stroke-linecap: round; }
.legend, .numbered, .answers { list-style: none; margin: 0 0 16px; padding: 0; font-size: 13px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; }
.legend li { display: inline-flex; align-items: center; gap: 7px; }
.legend + .legend { margin-top: -10px; }
.key { width: 11px; height: 11px; display: inline-block; flex: none; border-radius: 2px; }
.key.mark { width: 3px; height: 14px; border-radius: 0; }
.numbered { columns: 170px; column-gap: 20px; }
.numbered li { break-inside: avoid; cursor: default; padding: 1px 0; }
.numbered b { display: inline-block; min-width: 1.7em; text-align: right; }
.answers { margin: 8px 0 0; }
.answers li { padding: 2px 0; border-top: 1px solid var(--line); }
.answers .who { display: inline-block; width: 12.5em; color: var(--soft); }
.right { color: #0b5c8a; } .wrong { color: #b3431a; }
.maps.pointed svg [data-class] { opacity: .1; }
.maps.pointed svg [data-class].on { opacity: 1; }
.maps.pointed .numbered li { opacity: .4; } .maps.pointed .numbered li.on { opacity: 1; }
.scroll { overflow-x: auto; margin: 16px 0; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-size: 14.5px; min-width: min(100%, 460px); }
th, td { text-align: right; padding: 7px 14px; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; vertical-align: top; }
td { white-space: nowrap; }
thead th, thead th:first-child { color: var(--soft); font-weight: 600; font-size: 13px;
  vertical-align: bottom;  border-bottom: 1px solid #b9b5ac; }
th:first-child { text-align: left; padding-left: 0; font-weight: 500; position: sticky; left: 0;
  background: var(--paper); min-width: 9em; }
tr.strong td, tr.strong th { font-weight: 680; }
caption::first-letter { text-transform: uppercase; }
caption { text-align: left; font-size: 14.5px; font-weight: 620; padding-bottom: 6px; }
pre { background: var(--plate); padding: 12px 16px; white-space: pre-wrap; font-size: 13px;
  line-height: 1.5; overflow-wrap: anywhere; }
code, .code td { font-family: ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; }
.code td { font-size: 12.5px; white-space: normal; word-break: break-all; }
.text td, .code td, .text th, .code th { text-align: left; }
details { margin: 0 0 12px; } summary { cursor: pointer; color: var(--accent); font-size: 14.5px; }
@media (max-width: 1020px) {
  .layout { grid-template-columns: minmax(0, 1fr); padding: 0 28px; gap: 0; }
  nav { position: static; padding: 24px 0 0; max-height: none; }
  nav ol { display: flex; flex-wrap: wrap; gap: 0 18px; }
  main { padding-top: 28px; }
}
@media (max-width: 560px) {
  .layout { padding: 0 16px; }
  h1 { font-size: 26px; } h2 { font-size: 20px; } .lead { font-size: 16.5px; }
  .facts { grid-template-columns: 1fr 1fr; } .fact dd { font-size: 19px; }
  th, td { padding: 6px 9px; } table { font-size: 13.5px; }
  th:first-child { min-width: 8.8em; overflow-wrap: break-word; }
  nav a { padding: 3px 0; }
}
@media print { nav { display: none; } .layout { display: block; } }
"""
