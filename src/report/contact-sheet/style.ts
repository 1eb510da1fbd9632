/**
 * The style of a contact sheet's pages: light and dark, any width, and print.
 *
 * Each card spans two rows of the grid, one for pictures and one for captions, so that captions beside each other
 * start at the same height while every picture keeps its own aspect ratio. Each picture sets `--ratio`, so that its
 * place is known before it is loaded.
 */
export const CONTACT_SHEET_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --ink: #24231f; --soft: #6b6860; --line: #e4e1d8; --wash: #f2f0e9;
  --field: #fff; --banana: #f3c623; --bad: #b3402e; --shadow: 0 1px 2px rgb(40 35 20 / .1), 0 6px 18px rgb(40 35 20 / .07);
  --tall: 20rem; --column: 15rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171714; --ink: #eceae3; --soft: #a19d92; --line: #34332d; --wash: #21211d;
    --field: #1d1d19; --banana: #f5d04c; --bad: #f0907c; --shadow: 0 0 0 1px rgb(255 255 255 / .05);
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { text-size-adjust: 100%; -webkit-text-size-adjust: 100%; scroll-padding-top: 1.5rem; }
body {
  margin: 0 auto; max-width: 110rem; padding: clamp(1.25rem, 4vw, 4rem);
  background: var(--paper); color: var(--ink);
  font: 400 .9375rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial,
    "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans Arabic", "Noto Sans Hebrew",
    "Noto Sans Devanagari", "Noto Sans Thai", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji";
}
p, h1, dl, dd, ul { margin: 0; padding: 0; }
ul { list-style: none; }
a { color: inherit; text-decoration-color: var(--line); text-decoration-thickness: 1px; text-underline-offset: .25em; }
a:hover { text-decoration-color: var(--banana); text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--banana); outline-offset: 3px; border-radius: 3px; box-shadow: 0 0 0 1px var(--ink); }

header { margin-bottom: 1.75rem; }
[hidden] { display: none !important; }
h1 { font-size: clamp(1.5rem, 3vw, 2.125rem); font-weight: 600; line-height: 1.2; letter-spacing: -.015em; overflow-wrap: anywhere; }
.sealed { margin-top: .375rem; color: var(--soft); font-size: .875rem; }
.bar { display: flex; gap: 2px; height: 4px; margin: 1.5rem 0 1.125rem; border-radius: 2px; overflow: hidden; background: var(--line); }
.bar span { flex: 1 1 0; min-width: 3px; background: var(--soft); }
.bar .stored { background: var(--banana); }
.bar .failed { background: var(--bad); }
.counts { display: flex; flex-wrap: wrap; gap: .75rem 2.25rem; font-variant-numeric: tabular-nums; }
.counts div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.counts dt { color: var(--soft); font-size: .8125rem; }
.counts dd { font-size: 1.25rem; font-weight: 600; line-height: 1.3; }
.counts .kinds { color: var(--soft); font-size: .8125rem; font-weight: 400; line-height: 1.5; }
.files { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin-top: 1.5rem; font-size: .875rem; }
.counts .kinds a { white-space: nowrap; }

#filters { margin-bottom: clamp(1.5rem, 3vw, 2.5rem); padding-top: 1.25rem; border-top: 1px solid var(--line); }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 10.5rem), 1fr)); gap: .75rem 1rem; }
.fields .find { grid-column: span 2; }
#filters details { margin-top: .75rem; }
#filters details .fields { margin-top: .75rem; }
#filters summary { display: inline-block; color: var(--soft); font-size: .8125rem; text-decoration: underline; text-decoration-color: var(--line); text-underline-offset: .25em; }
#filters summary:hover { text-decoration-color: var(--banana); text-decoration-thickness: 2px; }
.fields label { display: flex; flex-direction: column; gap: .25rem; min-width: 0; }
.fields label span { overflow: hidden; color: var(--soft); font-size: .75rem; text-overflow: ellipsis; white-space: nowrap; }
input, select, button { min-width: 0; height: 2.25rem; padding: 0 .625rem; border: 1px solid var(--line); border-radius: 6px; background: var(--field); color: inherit; font: inherit; font-size: .875rem; }
select { width: 100%; text-overflow: ellipsis; }
input:hover, select:hover, button:hover { border-color: var(--soft); }
::placeholder { color: var(--soft); opacity: 1; }
select.chosen { border-color: var(--banana); box-shadow: inset 0 0 0 1px var(--banana); }
button { cursor: pointer; }
.pages { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.25rem; font-size: .875rem; font-variant-numeric: tabular-nums; }
.pages label { color: var(--soft); }
.pages input { width: 5.5em; height: 2rem; margin-inline: .25rem; text-align: center; }
.pages button { height: 2rem; }
#filters > .pages { min-height: 2.25rem; margin-top: 1rem; }
#filters > .pages nav { margin-inline-start: auto; }
#status { font-weight: 600; }
[aria-busy] { opacity: .45; transition: opacity .15s .2s; }

main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--column)), 1fr)); column-gap: clamp(1.25rem, 2.5vw, 2.5rem); }
.card { display: grid; grid-row: span 2; grid-template-rows: auto 1fr; grid-template-rows: subgrid; grid-template-columns: minmax(0, 1fr); padding-bottom: 3rem; }
.frame { align-self: end; width: min(100%, calc(var(--tall) * var(--ratio))); }
.frame img { display: block; width: 100%; height: auto; object-fit: contain; border-radius: 3px; background: var(--wash); box-shadow: var(--shadow); }
.none { display: flex; flex-direction: column; justify-content: flex-end; gap: .375rem; min-height: 11rem; padding: 1rem; border: 1px dashed color-mix(in srgb, var(--soft) 55%, transparent); border-radius: 3px; background: var(--wash); font-size: .8125rem; overflow-wrap: anywhere; }
.none strong { font-size: .875rem; font-weight: 600; }
.none.failed strong { color: var(--bad); }
.none .used { color: var(--soft); }
.caption { padding-top: .75rem; font-size: .8125rem; }
.caption > * + * { margin-top: .375rem; }
summary { display: block; cursor: pointer; font-size: .9375rem; line-height: 1.45; }
summary::-webkit-details-marker { display: none; }
.prompt { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; line-clamp: 3; overflow: hidden; overflow-wrap: anywhere; white-space: pre-line; }
summary:hover .prompt { text-decoration: underline; text-decoration-color: var(--banana); text-decoration-thickness: 2px; text-underline-offset: .25em; }
[open] .prompt { display: block; }
.more { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .125rem .875rem; margin: .625rem 0 .75rem; padding: .625rem 0; border-block: 1px solid var(--line); overflow-wrap: anywhere; }
.more dt { max-width: 9em; color: var(--soft); }
.more dd { white-space: pre-line; }
.facts { color: var(--soft); font-variant-numeric: tabular-nums; }
.row { overflow-wrap: anywhere; }
.row a { color: var(--soft); text-decoration: none; font: .75rem/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Noto Sans Mono", monospace; }
.row a:hover { text-decoration: underline; }
.card.target .row a { padding: .1em .35em; border-radius: 3px; background: var(--banana); color: #24231f; }
.chips { display: flex; flex-wrap: wrap; gap: .3125rem; }
.caption .chips { margin-top: .5625rem; }
[open] ~ .chips { display: none; }
.chips li { max-width: 100%; padding: .0625rem .4375rem; border: 1px solid var(--line); border-radius: 999px; font-size: .75rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.alike { font-weight: 600; }
.chips .name, .chips .rest { color: var(--soft); }
.empty { grid-column: 1 / -1; color: var(--soft); }
noscript { display: contents; }
figure { margin: 0 0 2rem; font-size: .875rem; }
figure img { display: block; max-width: 100%; height: auto; border-radius: 3px; }
figcaption { margin-top: .5rem; }
footer .pages:not(:empty) { padding-top: 1rem; border-top: 1px solid var(--line); }

@media (max-width: 32rem) {
  :root { --tall: 15rem; --column: 9.5rem; }
  .card { padding-bottom: 2.25rem; }
  .none { min-height: 9rem; padding: .75rem; }
  summary { font-size: .875rem; }
  .fields { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  #filters > .pages nav { margin-inline-start: 0; }
  /* Smaller text makes phones zoom in on what is being typed into. */
  input, select { font-size: 1rem; }
}
@media print {
  @page { margin: 14mm; }
  :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #555; --line: #ccc; --wash: #fff; --bad: #a02c1a; --shadow: none; --tall: 11rem; --column: 9rem; }
  body { max-width: none; padding: 0; font-size: .75rem; }
  #filters, .files, footer { display: none; }
  .card { break-inside: avoid; padding-bottom: 1.5rem; }
  .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
