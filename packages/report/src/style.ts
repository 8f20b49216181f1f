/** The page's style sheet: light and dark by the reader's setting, no font or picture from anywhere. */
export const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --ground: #fff; --panel: #f6f8fa;
  --pass: #1a7f37; --warn: #9a6700; --fail: #cf222e; --inconclusive: #6639ba; --none: #57606a;
  --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --c4: #bf3989; --c5: #57606a; --zone: #1a7f3722; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --ground: #0d1117;
  --panel: #151b23; --pass: #3fb950; --warn: #d29922; --fail: #f85149; --inconclusive: #ab7df8; --none: #9198a1;
  --c0: #58a6ff; --c1: #f0883e; --c2: #3fb950; --c3: #bc8cff; --c4: #f778ba; --c5: #9198a1; --zone: #3fb95033; } }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 0 auto; max-width: 64rem; padding: 1.5rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem } p { margin: .4rem 0 } code, .mono { font: .92em ui-monospace, monospace }
a { color: var(--c0) } .soft { color: var(--soft) }
header { border-left: 6px solid var(--none); padding: .2rem 0 .2rem 1rem } header.pass { border-color: var(--pass) } header.warn { border-color: var(--warn) }
header.fail { border-color: var(--fail) } header.inconclusive { border-color: var(--inconclusive) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .94em }
th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { color: var(--soft); font-weight: 600 } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.pass-text { color: var(--pass) } .warn-text { color: var(--warn) } .fail-text { color: var(--fail) } .inconclusive-text { color: var(--inconclusive) }
.lineage { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; list-style: none; padding: 0 }
.lineage li { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .4rem .7rem } .lineage li + li::before { content: '→'; color: var(--soft); margin-right: .6rem }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 0 1.5rem } .charts figure { margin: .6rem 0 }
small { display: block; color: var(--soft); font-size: .88em } td.drawn { min-width: 9rem; width: 22% } td.drawn:has(.span) { width: 60% } td.number + td:not(.number), th.number + th:not(.number) { padding-left: 1rem }
.nowrap { white-space: nowrap } td { overflow-wrap: break-word } td > div { overflow-wrap: anywhere }
.contents { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; padding: 0; margin: 1rem 0 0 } .model { border: 1px solid var(--line); border-radius: 8px; padding: 0 1rem; margin: .8rem 0 } .model > summary { padding: .7rem 0 } .model > summary h2 { display: inline; border: 0; color: var(--ink) } .model[open] { padding-bottom: 1rem }
figure { margin: 1rem 0 } figcaption { color: var(--soft) } svg { width: 100%; height: auto; max-width: 46rem; display: block } svg text { font: 12px system-ui, sans-serif; fill: var(--ink) }
svg text.small { fill: var(--soft) } .grid { stroke: var(--line) } .series { fill: none; stroke-width: 2 }
.s0 { stroke: var(--c0); background: var(--c0) } .s1 { stroke: var(--c1); background: var(--c1) } .s2 { stroke: var(--c2); background: var(--c2) }
.s3 { stroke: var(--c3); background: var(--c3) } .s4 { stroke: var(--c4); background: var(--c4) } .s5 { stroke: var(--c5); background: var(--c5) }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; padding: 0; margin: .3rem 0 } .key { display: inline-block; width: .9rem; height: .25rem; margin-right: .4rem; vertical-align: middle }
.series.s1 { stroke-dasharray: 7 4 } .series.s2 { stroke-dasharray: 2 3 } .series.s3 { stroke-dasharray: 9 3 2 3 } .series.s4 { stroke-dasharray: 12 4 } .series.s5 { stroke-dasharray: 4 2 }
svg.plane { max-width: 30rem } svg.sample { display: inline-block; width: 1.75rem; height: .5rem; margin-right: .4rem; vertical-align: middle } .guide { stroke: var(--soft); stroke-dasharray: 2 4 } .dot { fill: var(--c0); fill-opacity: .7 } .cross { stroke: var(--c1); fill: none; stroke-opacity: .8 }
svg.strip { height: 1.4rem; max-width: 16rem; color: var(--soft) } .strip.pass { color: var(--pass) } .strip.warn { color: var(--warn) } .strip.fail { color: var(--fail) } .strip.inconclusive { color: var(--inconclusive) }
.strip .zone { fill: var(--zone) } .strip .bound { stroke: var(--ink); stroke-dasharray: 3 3 } .strip .whisker { stroke: currentcolor; stroke-width: 2 } .strip .point { fill: currentcolor; stroke: var(--ground); stroke-width: 1.5 }
svg.span { height: 16px; max-width: none; min-width: 8rem } .span .job { fill: var(--line) } .span .success { fill: var(--c0) } .span .failure { fill: var(--fail) } .span .cached { fill: none; stroke: var(--c5); stroke-dasharray: 3 2 } .in1 { padding-left: 1rem } .in2 { padding-left: 2rem }
.confusion { width: auto } .confusion :is(th, td) { text-align: center; padding: .4rem .8rem; border: 1px solid var(--ground) } .confusion td { font-variant-numeric: tabular-nums; background: color-mix(in srgb, var(--c1) calc(var(--share) * .5), var(--panel)); print-color-adjust: exact } .confusion td.right { background: color-mix(in srgb, var(--c0) calc(var(--share) * .5), var(--panel)) } .confusion small { color: var(--ink) }
details > summary { cursor: pointer; color: var(--soft) } pre { background: var(--panel); padding: .7rem; overflow-x: auto; border-radius: 6px; white-space: pre-wrap }
.own img { max-width: 100%; height: auto } .own table { width: auto } .own th, .own td { padding-right: 1rem }
@media (max-width: 40rem) { body { padding: 1rem .8rem } h1 { font-size: 1.25rem; overflow-wrap: anywhere } .charts { grid-template-columns: minmax(0, 1fr) }
  td:has(.span) + td { white-space: normal; min-width: 5rem } svg.span { min-width: 6rem }
  /* Rules and slices one below the other: verdict and name, drawing, reason. */
  table:has(.strip) thead { display: none } table:has(.strip) tr { display: grid; grid-template-columns: auto 1fr auto; padding: .5rem 0; border-bottom: 1px solid var(--line) } table:has(.strip) td { border: 0; padding: .15rem .6rem .15rem 0 } table:has(.strip) td:is(.drawn, :last-child) { grid-column: 1 / -1; width: auto } }
@media print { .contents { display: none } figure, tr { break-inside: avoid-page } body { max-width: none } }
footer { margin-top: 3rem; color: var(--soft); font-size: .9em }
`;
