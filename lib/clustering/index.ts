export {
  type AddOptions,
  type AgglomerativeOptions,
  addToClusters,
  type ClusterMethod,
  type ClusterOptions,
  clusterEmbeddings,
  clusterMethods,
  type Linkage,
  linkages,
} from './cluster.js'
export { type Agreement, type ClusterScores, scoreClusters } from './scores.js'
