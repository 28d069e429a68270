/** How the pages look. */
export const style = `:root { color-scheme: light dark; --line: #8888; --same: #2a7d4f; --other: #777; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
.drop { border: 2px dashed var(--line); border-radius: .5rem; padding: 2rem 1rem; text-align: center; }
.drop.over { border-color: currentColor; }
figure { position: relative; display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; }
figure img { display: block; max-width: 100%; max-height: 24rem; }
figure svg { position: absolute; inset: 0; width: 100%; height: 100%; }
rect { fill: none; stroke: #ffd400; stroke-width: 2px; vector-effect: non-scaling-stroke; }
text { fill: #ffd400; stroke: #000; paint-order: stroke; stroke-width: 3px; vector-effect: non-scaling-stroke; }
table { border-collapse: collapse; overflow-x: auto; display: block; }
table[hidden] { display: none; }
th, td { border: 1px solid var(--line); padding: .25rem .5rem; text-align: right; }
td.same { color: #fff; background: var(--same); }
caption { text-align: left; font-weight: bold; }
dt { font-weight: bold; }
code { overflow-wrap: anywhere; }
`
