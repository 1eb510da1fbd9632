/**
 * The style of a contact sheet's pages: light and dark, any width, and paper.
 *
 * The rows of the grid lend each card two lines, one of pictures and one of captions, so that captions beside each
 * other start at one height while every picture keeps its own aspect ratio. `--ratio` comes with each picture: its
 * place is known before a byte of it is loaded.
 */
export const CONTACT_SHEET_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --ink: #24231f; --soft: #6b6860; --line: #e4e1d8; --wash: #f2f0e9;
  --banana: #f3c623; --bad: #b3402e; --shadow: 0 1px 2px rgb(40 35 20 / .1), 0 6px 18px rgb(40 35 20 / .07);
  --tall: 20rem; --column: 15rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171714; --ink: #eceae3; --soft: #a19d92; --line: #34332d; --wash: #21211d;
    --banana: #f5d04c; --bad: #f0907c; --shadow: 0 0 0 1px rgb(255 255 255 / .05);
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

header { margin-bottom: clamp(2rem, 4vw, 3.5rem); }
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
.pages { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1.5rem; font-size: .875rem; font-variant-numeric: tabular-nums; }
.pages p { color: var(--soft); }
header .pages { margin-top: 1.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }

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
.card:target .row a { padding: .1em .35em; border-radius: 3px; background: var(--banana); color: #24231f; }
.chips { display: flex; flex-wrap: wrap; gap: .3125rem; }
.caption .chips { margin-top: .5625rem; }
[open] ~ .chips { display: none; }
.chips li { max-width: 100%; padding: .0625rem .4375rem; border: 1px solid var(--line); border-radius: 999px; font-size: .75rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chips .name, .chips .rest { color: var(--soft); }
.empty { grid-column: 1 / -1; color: var(--soft); }
footer { padding-top: 1rem; border-top: 1px solid var(--line); }

@media (max-width: 32rem) {
  :root { --tall: 15rem; --column: 9.5rem; }
  .card { padding-bottom: 2.25rem; }
  .none { min-height: 9rem; padding: .75rem; }
  summary { font-size: .875rem; }
}
@media print {
  @page { margin: 14mm; }
  :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #555; --line: #ccc; --wash: #fff; --bad: #a02c1a; --shadow: none; --tall: 11rem; --column: 9rem; }
  body { max-width: none; padding: 0; font-size: .75rem; }
  .pages, .files, footer { display: none; }
  .card { break-inside: avoid; padding-bottom: 1.5rem; }
  .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
