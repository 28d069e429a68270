/** Lines over an axis of numbers, each with a name at its end and a pattern of its own. */
import { scaleLinear, scaleLog } from 'd3-scale'
import { short } from '../format.js'
import { type Content, type Html, html } from '../html.js'
import { table } from '../table.js'
import { chart, everyWidth, figure, type Plot, path, px } from './chart.js'

export interface Series {
  name: string
  /** In order of x; null where nothing was measured. */
  points: readonly { x: number; y: number | null }[]
  /** Not measured here: drawn apart. */
  published?: boolean
}

export interface LinesInput {
  title: string
  note?: Content
  x: string
  y: string
  series: readonly Series[]
  /** How values of y are printed. */
  format?: (value: number) => string
  /** The lowest value of the y axis, where that is not the data's own. */
  from?: number
  /** The x axis in powers. */
  logarithmic?: boolean
}

export function lines(id: string, input: LinesInput): Html {
  const { title, note, x, series, format = short } = input
  const places = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b)
  const every = Math.ceil(places.length / 40)
  const values = series.map(({ points }) => new Map(points.map((point) => [point.x, point.y])))
  const rows = places
    .filter((_, i) => i % every === 0 || i === places.length - 1)
    .map((place) => [
      short(place),
      ...values.map((of) => (of.get(place) === null || of.get(place) === undefined ? '–' : format(of.get(place)!))),
    ])
  const columns = [{ title: x }, ...series.map(({ name }) => ({ title: name }))]
  return figure(
    title,
    note,
    html`${series.length > 1 ? legend(series) : ''}${everyWidth(id, (plot, name) => draw(name, input, plot), 0.55)}`,
    table(every > 1 ? `${title}, every ${every}th point` : title, columns, [{ rows }]),
  )
}

function legend(series: readonly Series[]): Html {
  return html`<ul class="key">${series.map(
    ({ name }, i) =>
      html`<li><svg class="swatch" viewBox="0 0 28 8" aria-hidden="true"><path class="curve ${look(series[i]!, i)}" d="M0 4H28"/></svg>${name}</li>`,
  )}</ul>`
}

function draw(
  id: string,
  { title, x: xName, y: yName, series, format = short, from, logarithmic }: LinesInput,
  plot: Plot,
): Html {
  const all = series.flatMap(({ points }) => points).filter((point) => point.y !== null) as { x: number; y: number }[]
  const range = (values: number[]): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)]
    return low === high ? [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2] : [low, high]
  }
  const [low, high] = range(all.map((point) => point.y))
  const across = range(all.map((point) => point.x))
  const x = (logarithmic ? scaleLog : scaleLinear)(across, [plot.left, plot.right])
  const places = [...new Set(all.map((point) => point.x))]
  const ticks = logarithmic ? places : x.ticks(plot.width > 400 ? 6 : 4)
  const y = scaleLinear([Math.min(from ?? low, low), high], [plot.bottom, plot.top]).nice(5)
  const drawn = series.map((one, i) => {
    const { points } = one
    const known = points.filter((point) => point.y !== null) as { x: number; y: number }[]
    const end = known.at(-1)
    const d = path(known.map((point) => [x(point.x), y(point.y)] as const))
    return html`<path class="curve ${look(one, i)}" d="${d}"/>${end ? html`<circle class="dot ${look(one, i)}" cx="${px(x(end.x))}" cy="${px(y(end.y))}" r="3.5"/>` : ''}`
  })
  const ends = series.map(({ name, points }) => {
    const known = points.filter((point) => point.y !== null)
    const [first, last] = [known[0]?.y, known.at(-1)?.y]
    return first === undefined ? `${name}: nothing` : `${name} from ${format(first!)} to ${format(last!)}`
  })
  return chart({
    id,
    title,
    description: `${ends.join('; ')}.`,
    plot,
    x: { label: xName, ticks: ticks.map((at) => ({ at: x(at), text: short(at) })) },
    y: { label: yName, ticks: y.ticks(5).map((at) => ({ at: y(at), text: format(at) })) },
    content: drawn,
  })
}

const look = ({ published }: Series, i: number) => (published ? 'elsewhere' : `series${i}`)
