export { addToClusters, type ClusterOptions, clusterEmbeddings, type Linkage, linkages } from './cluster.js'
export { type Agreement, type ClusterScores, scoreClusters } from './scores.js'
