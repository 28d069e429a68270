/** The contact sheet's style: follows the reader's light or dark setting; nothing is said by colour alone. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fbfaf7, #16181a);
  --ink: light-dark(#1c1e20, #e9e7e2);
  --soft: light-dark(#5c6166, #a3a8ad);
  --line: light-dark(#dcdad4, #34383c);
  --close: light-dark(#7cc4b4, #1f6f62);
  --mark: light-dark(#0b6e5e, #63d2bd);
}
* { box-sizing: border-box }
body { margin: 0; padding: 2.5rem clamp(1rem, 4vw, 4rem) 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 ui-sans-serif, system-ui, sans-serif }
header { max-width: 46rem }
h1 { margin: 0 0 .5rem; font-size: 1.9rem; line-height: 1.15; letter-spacing: -.015em; text-wrap: balance }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem }
p { margin: 0 }
header p, .legend { color: var(--soft) }
small { color: var(--soft); font-size: .8rem; overflow-wrap: anywhere }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.75rem 1.5rem;
  margin: 0; padding: 0; list-style: none }
.cards p { line-height: 1.35; font-size: .95rem }
.pair { display: flex; gap: 4px; margin-bottom: .5rem }
.face { display: inline-block; width: 96px; aspect-ratio: 1; background-size: cover; border-radius: 4px }
figure { margin: 0 }
.photographs { display: flex; flex-wrap: wrap; gap: 1.25rem }
.photographs img { display: block; height: 170px; border-radius: 4px }
.photographs figcaption { margin-top: .3rem; color: var(--soft); font-size: .8rem; max-width: 16rem; overflow-wrap: anywhere }
.figure { margin-top: .2rem; font-variant-numeric: tabular-nums }
.same { color: var(--mark); font-weight: 600 }
.different { color: var(--soft) }
.legend { display: flex; align-items: center; gap: .6rem; margin-bottom: .75rem; font-size: .85rem }
.ramp { width: 9rem; height: .7rem; border-radius: 2px; border: 1px solid var(--line);
  background: linear-gradient(90deg, var(--close), var(--paper)) }
.scroll { overflow-x: auto; padding: 2px }
.scroll:focus-visible { outline: 2px solid var(--mark) }
table { border-collapse: separate; border-spacing: 2px; font-size: .8rem; font-variant-numeric: tabular-nums }
thead .face { width: 42px; display: block }
tbody th { position: sticky; left: 0; padding: 0 .75rem 0 0; background: var(--paper); text-align: left;
  font-weight: 500; white-space: nowrap; max-width: min(14rem, 38vw); overflow: hidden; text-overflow: ellipsis }
tbody td { position: relative; min-width: 42px; height: 30px; padding: 0; text-align: center; border-radius: 3px;
  background: color-mix(in oklab, var(--close) var(--near), var(--paper)) }
td.self { background: none; color: var(--soft) }
td.ring { outline: 2px solid var(--mark); outline-offset: -2px; font-weight: 600 }
@media print { .scroll { overflow: visible } }
`
