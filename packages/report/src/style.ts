/** The page's style sheet: light and dark by the reader's setting, no font or picture from anywhere. */
export const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --ground: #fff; --panel: #f6f8fa;
  --pass: #1a7f37; --warn: #9a6700; --fail: #cf222e; --inconclusive: #6639ba; --none: #57606a;
  --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --c4: #bf3989; --c5: #57606a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --ground: #0d1117;
  --panel: #151b23; --pass: #3fb950; --warn: #d29922; --fail: #f85149; --inconclusive: #ab7df8; --none: #9198a1;
  --c0: #58a6ff; --c1: #f0883e; --c2: #3fb950; --c3: #bc8cff; --c4: #f778ba; --c5: #9198a1; } }
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
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 0 1.5rem } .charts figure { margin: .6rem 0 }
figure { margin: 1rem 0 } figcaption { color: var(--soft) } svg { width: 100%; height: auto; max-width: 46rem; display: block } svg text { font: 12px system-ui, sans-serif; fill: var(--ink) }
svg text.small { fill: var(--soft) } .grid { stroke: var(--line) } .series { fill: none; stroke-width: 2 }
.s0 { stroke: var(--c0); background: var(--c0) } .s1 { stroke: var(--c1); background: var(--c1) } .s2 { stroke: var(--c2); background: var(--c2) }
.s3 { stroke: var(--c3); background: var(--c3) } .s4 { stroke: var(--c4); background: var(--c4) } .s5 { stroke: var(--c5); background: var(--c5) }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; padding: 0; margin: .3rem 0 } .key { display: inline-block; width: .9rem; height: .25rem; margin-right: .4rem; vertical-align: middle }
.bar.ran { fill: var(--c0) } .bar.skipped { fill: var(--c5) } .bar.failed { fill: var(--fail) }
details > summary { cursor: pointer; color: var(--soft) } pre { background: var(--panel); padding: .7rem; overflow-x: auto; border-radius: 6px; white-space: pre-wrap }
.own img { max-width: 100%; height: auto } .own table { width: auto } .own th, .own td { padding-right: 1rem }
footer { margin-top: 3rem; color: var(--soft); font-size: .9em }
`;
