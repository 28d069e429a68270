/** How fast models are on a machine: engines in processes of their own that take turns. */
export { type BenchmarkOptions, benchmark } from './benchmark.js'
export { describeMachine, load, type Machine, printMachine } from './machine.js'
export {
  type BenchmarkReport,
  type BenchmarkSettings,
  type Change,
  type Comparison,
  compareReports,
  readReport,
} from './report.js'
