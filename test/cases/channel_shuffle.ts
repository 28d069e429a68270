/** channel_shuffle: even and odd numbers of channels and groups. */
import { opNode, type TableCase } from './case.js'

const groupings = [
  [24, 2],
  [24, 3],
  [24, 8],
  [35, 5],
  [35, 7],
  [116, 4],
] as const

export const channelShuffle: TableCase[] = groupings.map(([channels, groups]) => ({
  name: `channel_shuffle of ${channels} channels in ${groups} groups`,
  inputs: [[4, 5, channels]],
  nodes: [opNode('channel_shuffle', { attributes: { groups } })],
  exact: true,
}))
