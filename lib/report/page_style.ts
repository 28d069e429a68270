/** A report's style: the reader's light or dark setting unless they choose, and nothing said by colour alone. */
import { sheetColumns } from './faces.js'

export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fbfaf7, #131517);
  --plate: light-dark(#ffffff, #1b1e21);
  --ink: light-dark(#191b1d, #edebe6);
  --soft: light-dark(#565b61, #a8adb3);
  --line: light-dark(#dfdcd4, #33383d);
  --edge: light-dark(#8a867c, #7b828a);
  --same: light-dark(#0a6b5c, #5fd3bc);
  --different: light-dark(#a83a16, #f4976c);
  --third: light-dark(#4b3fae, #b3a7ff);
  --fourth: light-dark(#6d5600, #dcc260);
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Source Serif 4", Georgia, serif;
}
:root:has(.theme [value=light]:checked) { color-scheme: light }
:root:has(.theme [value=dark]:checked) { color-scheme: dark }
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem }
body { margin: 0 auto; max-width: 84rem; padding: 0 clamp(1rem, 4vw, 3.5rem) 5rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif;
  -webkit-text-size-adjust: 100%; print-color-adjust: exact }
p, dl, dd, figure, ol, ul, h1, h2, h3 { margin: 0; padding: 0 }
:focus-visible { outline: 3px solid var(--third); outline-offset: 2px; border-radius: 3px }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
caption.hidden { display: block }
.skip { position: absolute; left: 1rem; top: -4rem; z-index: 9; padding: .5rem .9rem; background: var(--ink); color: var(--paper) }
.skip:focus { top: .5rem }
bdi { overflow-wrap: anywhere }

.masthead { display: grid; grid-template-columns: 1fr auto; gap: 1.5rem; align-items: start;
  padding: clamp(1.75rem, 5vw, 4rem) 0 2.25rem; border-bottom: 1px solid var(--ink) }
.kicker { color: var(--soft); font: 500 .84rem/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace }
h1 { margin: .35rem 0 .7rem; font: 500 clamp(1.9rem, 1.2rem + 2.9vw, 3.1rem)/1.08 var(--serif); letter-spacing: -.018em; text-wrap: balance }
.lead { max-width: 44rem; color: var(--soft); font-size: 1.06rem; text-wrap: pretty }
.headlines { grid-column: 1 / -1; display: grid; gap: 1.5rem 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 9.5rem), 1fr)); margin-top: .75rem }
.headlines dt { color: var(--soft); font-size: .86rem }
.headlines dd { display: flex; flex-direction: column }
.value { font: 400 clamp(1.9rem, 1.5rem + 1.4vw, 2.7rem)/1.2 var(--serif); font-variant-numeric: lining-nums tabular-nums;
  letter-spacing: -.02em; white-space: nowrap }
.note { color: var(--soft); font-size: .84rem; line-height: 1.4 }
.theme { display: flex; margin: 0; padding: 2px; border: 1px solid var(--edge); border-radius: 99px; font-size: .82rem }
.theme input { position: absolute; opacity: 0; width: 1px; height: 1px }
.theme span { display: block; padding: .22rem .75rem; border-radius: 99px; cursor: pointer }
.theme :checked + span { background: var(--ink); color: var(--paper) }
.theme :focus-visible + span { outline: 3px solid var(--third); outline-offset: 2px }

nav ol { display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; padding: 1.1rem 0; list-style: none; font-size: .9rem }
a { color: inherit; text-decoration-color: var(--edge); text-underline-offset: .2em }
nav a { display: block; padding: .18rem 0; color: var(--soft); text-decoration: none }
nav a:hover { color: var(--ink); text-decoration: underline }
main { min-width: 0; outline: none }
section { padding-top: 2.6rem }
h2 { margin-bottom: 1rem; font: 500 1.65rem/1.2 var(--serif); letter-spacing: -.01em }
h3 { font-size: 1rem; line-height: 1.4 }
.text { max-width: 46rem; margin-bottom: 1.1rem; color: var(--soft); text-wrap: pretty }
.aside { max-width: 34rem; margin-top: .7rem; color: var(--soft); font-size: .86rem }
@media (min-width: 74rem) {
  .columns { display: grid; grid-template-columns: 11.5rem 1fr; gap: 3rem }
  nav ol { position: sticky; top: 0; flex-direction: column; padding: 3.1rem 0 }
}

.plates { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); margin-bottom: 1.25rem }
.plate { min-width: 0; padding: 1.1rem 1.25rem; background: var(--plate); border: 1px solid var(--line); border-radius: 10px }
.plate > figcaption { margin-bottom: .8rem; line-height: 1.4 }
.plate > figcaption span { display: block; color: var(--soft); font-size: .86rem }
details { margin-top: .6rem; font-size: .86rem }
summary { width: fit-content; padding: .15rem 0; color: var(--soft); cursor: pointer }
summary:hover { color: var(--ink) }
.chart { container-type: inline-size }
.chart svg { display: block; width: 100%; height: auto }
.chart > :not(.narrow) { display: none }
@container (min-width: 25rem) { .chart > .middle { display: block } .chart > .narrow { display: none } }
@container (min-width: 36rem) { .chart > .large { display: block } .chart > .middle { display: none } }
@container (min-width: 50rem) { .chart > .wide { display: block } .chart > .large { display: none } }
svg text { fill: var(--ink); font: 13px ui-sans-serif, system-ui, sans-serif; font-variant-numeric: tabular-nums }
svg .tick, svg .name { fill: var(--soft) }
.grid { stroke: var(--line) }
.axis, .notch { stroke: var(--edge) }
.mark { font-weight: 600; paint-order: stroke; stroke: var(--plate); stroke-width: 4px; stroke-linejoin: round }
text.same { fill: var(--same) } text.different { fill: var(--different) }
rect.same { fill: var(--same) } rect.different { fill: var(--different) }
rect.wrong { stroke: currentColor; stroke-width: 1 }
rect.same.wrong { color: var(--same); fill: url(#hatch-same) } rect.different.wrong { color: var(--different); fill: url(#hatch-different) }
#hatch-same rect { fill: var(--same) } #hatch-different rect { fill: var(--different) }
.threshold { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 3 }
.diagonal { stroke: var(--edge); stroke-dasharray: 2 4 }
.curve { fill: none; stroke: var(--third); stroke-width: 2.25; stroke-linejoin: round }
.dot { fill: var(--plate); stroke: var(--third); stroke-width: 2.25 }
.series0 { stroke: var(--third) }
.series1 { stroke: var(--different); stroke-dasharray: 7 4 }
.series2 { stroke: var(--same); stroke-dasharray: 2 3 }
.series3 { stroke: var(--fourth); stroke-dasharray: 10 3 2 3 }
.elsewhere { stroke: var(--edge); stroke-dasharray: 3 4 }
circle.dot { stroke-dasharray: none }
.published { stroke: var(--edge); fill: var(--plate) }
.measured { stroke: var(--third); fill: var(--third) }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin-bottom: .5rem; list-style: none; font-size: .86rem }
.key li { display: flex; align-items: center; gap: .45rem }
.swatch { width: 28px; height: 8px; flex: none }

.scroll { overflow-x: auto; margin-top: .4rem }
details .scroll { max-height: 26rem; overflow-y: auto }
table { border-collapse: collapse; min-width: min(100%, 22rem); font-size: .88rem; font-variant-numeric: tabular-nums }
caption { padding-bottom: .4rem; text-align: left; color: var(--soft) }
th, td { padding: .36rem 0 .36rem 1.1rem; border-bottom: 1px solid var(--line); text-align: right; font-weight: 400; vertical-align: top }
th:first-child, td:first-child { padding-left: 0 }
tbody.ours th.words { min-width: 6.5rem } td.words { min-width: 9.5rem }
.words { text-align: left }
thead th { color: var(--soft); border-bottom-color: var(--edge); vertical-align: bottom }
.group th { padding-top: 1.1rem; text-align: left; font-weight: 600 }
tbody.ours td, tbody.ours tr:not(.group) th { font-weight: 600 }
.bar { display: inline-block; width: 5.5rem; height: .5rem; margin-left: .6rem; border-radius: 2px; background: var(--line) }
.bar i { display: block; height: 100%; border-radius: 2px; background: var(--third) }

.face { --f: 96px; display: inline-block; flex: none; width: var(--f); height: var(--f); border-radius: 6px;
  background-repeat: no-repeat; background-size: calc(var(--f) * ${sheetColumns}) auto;
  background-position: calc(var(--c) * var(--f) * -1) calc(var(--r) * var(--f) * -1) }
.face.none { background: repeating-linear-gradient(45deg, var(--line) 0 4px, var(--plate) 4px 9px) }
.pairs { display: grid; gap: 1.75rem 1.5rem; grid-template-columns: repeat(auto-fill, minmax(12.4rem, 1fr)); list-style: none }
.pairs li { container-type: inline-size }
.pairs .two { display: flex; gap: 4px }
.pairs .two .face { --f: calc((100cqi - 4px) / 2) }
.pairs .faraway { display: flex; align-items: baseline; justify-content: space-between; margin-top: .45rem; font-size: .84rem; color: var(--soft) }
.pairs strong { color: var(--ink); font: 500 1.3rem/1.2 var(--serif); font-variant-numeric: lining-nums tabular-nums }
.pairs .names { margin-top: .15rem; font-size: .82rem; line-height: 1.4 }
.scale { position: relative; height: 10px; margin-top: .35rem }
.scale::before { content: ""; position: absolute; inset: 4px 0; background: var(--line); border-radius: 2px }
.scale i { position: absolute; z-index: 1; top: -1px; width: 2px; height: 12px; background: var(--ink) }
.scale b { position: absolute; top: 1px; width: 8px; height: 8px; margin-left: -4px; border-radius: 50%; background: var(--different); outline: 2px solid var(--paper) }
.kind { margin: 2rem 0 1rem }
.kind:first-of-type { margin-top: 0 }
.kind span { color: var(--soft); font-weight: 400 }

.clusters { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); list-style: none }
.clusters .face { --f: 56px; border-radius: 4px }
.clusters .sheet { display: flex; flex-wrap: wrap; gap: 4px; margin-top: .7rem; list-style: none }
.clusters .odd { outline: 3px dashed var(--different); outline-offset: -3px }
.clusters small { color: var(--soft); font-size: .84rem }
.person .name { width: 100%; padding: .3rem .5rem; font: 500 1.05rem/1.3 var(--serif); color: var(--ink); background: transparent; border: 1px solid var(--edge); border-radius: 4px }
.person p { display: flex; gap: 1.2rem; margin-top: .7rem }
.person .sheet label { position: relative; display: block; cursor: pointer }
.person .reject { position: absolute; z-index: 1; top: 3px; left: 3px; width: 1rem; height: 1rem; accent-color: var(--different) }
.person .reject:checked + .face { outline: 3px dashed var(--different); outline-offset: -3px; opacity: .55 }
.edits { position: sticky; z-index: 4; top: 0; display: flex; align-items: center; gap: 1rem; padding: .6rem 0; background: var(--paper) }
.edits button { padding: .45rem 1rem; font: inherit; color: var(--paper); background: var(--ink); border: 0; border-radius: 4px; cursor: pointer }
.edits button:disabled { background: var(--edge); cursor: default }
.nobody { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); margin-top: 1rem; list-style: none }
.nobody .face { --f: 96px; border-radius: 4px }
.nobody .whose { width: 100%; margin-top: .3rem; padding: .25rem .4rem; font: inherit; color: var(--ink); background: transparent; border: 1px solid var(--edge); border-radius: 4px }
.more { display: grid; place-items: center; min-width: 56px; height: 56px; padding: 0 .5rem; border: 1px dashed var(--edge); border-radius: 4px; font-size: .82rem; color: var(--soft) }

.map { position: relative; aspect-ratio: 4 / 3; margin: 1.4rem; }
.point { position: absolute; width: 9px; height: 9px; margin: -4.5px; border-radius: 50%; background-color: var(--edge); cursor: pointer }
.point.known { width: 13px; height: 13px; margin: -6.5px; background-color: var(--shade) }
.point:focus-visible, .point:hover { z-index: 2; outline: 3px solid var(--third); outline-offset: 2px }
.g0 { --shade: var(--third) } .g1 { --shade: var(--different); border-radius: 2px } .g2 { --shade: var(--same); clip-path: polygon(50% 0, 100% 100%, 0 100%) }
.g3 { --shade: var(--fourth); clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%) } .g4 { --shade: var(--ink); clip-path: polygon(0 0, 100% 0, 50% 100%) }
.g5 { --shade: var(--third); clip-path: polygon(35% 0, 65% 0, 65% 35%, 100% 35%, 100% 65%, 65% 65%, 65% 100%, 35% 100%, 35% 65%, 0 65%, 0 35%, 35% 35%) }
.g6 { --shade: var(--different); clip-path: polygon(0 0, 100% 50%, 0 100%) } .g7 { --shade: var(--same); clip-path: polygon(25% 0, 75% 0, 100% 50%, 75% 100%, 25% 100%, 0 50%) }
.point.known:focus-visible, .point.known:hover { clip-path: none; border-radius: 50% }
.sample { display: inline-block; width: 13px; height: 13px; flex: none; background: var(--shade) } .g0.sample { border-radius: 50% }
.sample.other { width: 9px; height: 9px; border-radius: 50%; background: var(--edge) }
.plate:has(.pictures:checked) .point { --f: 40px; width: var(--f); height: var(--f); margin: -20px; border-radius: 4px; clip-path: none;
  background-color: var(--line); background-repeat: no-repeat; background-size: calc(var(--f) * ${sheetColumns}) auto;
  background-position: calc(var(--c) * var(--f) * -1) calc(var(--r) * var(--f) * -1); box-shadow: 0 0 0 2px var(--plate) }
.plate:not(:has(.pictures:checked)) .point { background-image: none }
.card { position: absolute; z-index: 3; width: 224px; padding: 12px; background: var(--plate); border: 1px solid var(--edge);
  border-radius: 8px; box-shadow: 0 6px 24px #0003; font-size: .8rem; line-height: 1.35; pointer-events: none; overflow-wrap: anywhere }
.card p { margin-top: .4rem } .card p + p { color: var(--soft) }
.card .face + .face { margin-left: 6px }
.switch { display: flex; align-items: center; gap: .5rem; width: fit-content; font-size: .88rem }
.switch input { width: 1.05rem; height: 1.05rem; accent-color: var(--third) }

.facts { display: grid; gap: .1rem 2.5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)) }
.facts div { padding: .5rem 0; border-bottom: 1px solid var(--line) }
.facts dt { color: var(--soft); font-size: .84rem }
.facts dd { overflow-wrap: anywhere }
@media (max-width: 36rem) {
  .masthead { grid-template-columns: 1fr }
  .theme { justify-self: start; grid-row: 1 }
  .plate { padding: .9rem }
  .headlines { grid-template-columns: 1fr 1fr; gap: 1.25rem 1rem }
  .bar { display: none }
  .map { margin: 1.2rem .8rem }
  .point { width: 6px; height: 6px; margin: -3px }
  .point.known { width: 10px; height: 10px; margin: -5px }
  .pairs { gap: 1.5rem 1rem; grid-template-columns: repeat(auto-fill, minmax(9.6rem, 1fr)) }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
@media print { nav, .theme, details, .switch { display: none } .scroll { overflow: visible } }
`
