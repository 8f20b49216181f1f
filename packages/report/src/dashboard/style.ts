/** What the dashboard has on top of the report's style sheet. */
export const dashboardStyle = `
:root { --error: #cf222e; --c-other: #818b98 } @media (prefers-color-scheme: dark) { :root { --error: #f85149; --c-other: #767e89 } }
body { max-width: 84rem } .error-text { color: var(--error) } .none-text { color: var(--soft) } .nowrap { white-space: nowrap }
body > header { border-left: 0; padding: 0 } .small { font-size: .88em; display: block }
button, select, input { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .3rem .6rem; max-width: 100% }
button { cursor: pointer } button:disabled { color: var(--soft); cursor: default } :focus-visible { outline: 2px solid var(--c0); outline-offset: 1px }
.filter { display: grid; grid-template-columns: 2fr repeat(4, minmax(7rem, 1fr)) 9.5rem 9.5rem auto; gap: .6rem; align-items: end; margin: 1rem 0 }
.filter label span { display: block; color: var(--soft); font-size: .85em } .filter input, .filter select { width: 100%; height: 2.2rem } .filter button { height: 2.2rem }
@media (max-width: 70rem) { .filter { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)) } }
.tabs { display: flex; flex-wrap: wrap; gap: .2rem; border-bottom: 1px solid var(--line) } .tabs a { padding: .45rem .9rem; color: var(--soft); text-decoration: none; border-bottom: 3px solid transparent }
.tabs a[aria-current] { color: var(--ink); border-color: var(--c0); font-weight: 600 } .tabs a:hover { color: var(--ink) } .count { color: var(--soft); margin: .7rem 0 }
.runs td { vertical-align: top } .runs thead th { white-space: nowrap }
button.sort { background: none; border: 0; padding: 0; color: inherit; font-weight: 600 } button.open { background: none; border: 0; padding: 0; color: var(--c0); text-align: left; overflow-wrap: anywhere }
button.open:hover { text-decoration: underline } .runs button.open { min-width: 14rem; max-width: 30rem } .cut { display: inline-block; max-width: 14rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom }
.pager, .below { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center } .below { justify-content: space-between; margin: 1rem 0 }
.picker { display: flex; flex-wrap: wrap; gap: .3rem 1rem; border: 1px solid var(--line); border-radius: 6px; margin: .8rem 0; max-height: 12rem; overflow: auto; min-width: 0 } .picker legend { color: var(--soft) } .picker label { overflow-wrap: anywhere } .picker input { margin: 0 .4rem 0 0; vertical-align: middle }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: .4rem 2rem } .charts figure { margin: .8rem 0; min-width: 0 } figure svg { max-width: none }
.board { cursor: crosshair } .told { height: 3em; overflow: hidden; margin: 0; font-size: .9em; color: var(--soft); overflow-wrap: anywhere }
.rule { stroke: var(--line) } .cursor line { stroke: var(--soft) } .cursor circle { fill: none; stroke: var(--ink); stroke-width: 2 }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round } .band { stroke: none; opacity: .16 } .dots { stroke: none } .baseline { stroke: var(--warn); stroke-dasharray: 4 4 } .promotion { stroke: var(--pass); stroke-width: 1.5 }
.line.k0 { stroke: var(--c0) } .line.k1 { stroke: var(--c1) } .line.k2 { stroke: var(--c2) } .line.k3 { stroke: var(--c3) } .line.k4 { stroke: var(--c4) } .line.k5 { stroke: var(--c5) }
:is(.band, .dots, .bar).k0 { fill: var(--c0) } :is(.band, .dots, .bar).k1 { fill: var(--c1) } :is(.band, .dots).k2 { fill: var(--c2) } :is(.band, .dots).k3 { fill: var(--c3) } :is(.band, .dots).k4 { fill: var(--c4) } :is(.band, .dots).k5 { fill: var(--c5) }
:is(.dots, .bar).other { fill: var(--c-other) } .key.other { background: var(--c-other) }
.key.k0 { background: var(--c0) } .key.k1 { background: var(--c1) } .key.k2 { background: var(--c2) } .key.k3 { background: var(--c3) } .key.k4 { background: var(--c4) } .key.k5 { background: var(--c5) }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: .8rem 0 } .tiles div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1.1rem } .tiles dt { color: var(--soft) } .tiles dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums }
dialog { width: min(64rem, 100vw); max-width: 100vw; max-height: 92vh; border: 1px solid var(--line); border-radius: 10px; background: var(--ground); color: var(--ink); padding: 1rem 1.4rem } dialog::backdrop { background: rgb(0 0 0 / .45) }
dialog header { display: flex; justify-content: space-between; align-items: center; border: 0; padding: 0; gap: 1rem } dialog h2 { margin: 0; border: 0 } dialog p { overflow-wrap: anywhere } dialog td { overflow-wrap: break-word }
td.number + td, th.number + th { padding-left: 1.2rem }
@media (max-width: 40rem) { .filter label:first-child { grid-column: 1 / -1 } body { padding: .8rem } dialog { padding: .8rem; max-height: 100vh; height: 100vh; border-radius: 0 } }
@media print { .filter, .tabs, .below { display: none } }
`;
