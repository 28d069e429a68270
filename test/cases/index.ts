/** All tables, under the names of the ops they exercise first. */
import { activation } from './activation.js'
import { attentions } from './attention.js'
import type { TableCase } from './case.js'
import { channelShuffle } from './channel_shuffle.js'
import { conv2d } from './conv2d.js'
import { elementwise } from './elementwise.js'
import { extremum } from './extremum.js'
import { fullyConnected } from './fully_connected.js'
import { l2Normalize } from './l2_normalize.js'
import { lrn } from './lrn.js'
import { multiply } from './multiply.js'
import { norm } from './norm.js'
import { pointwise } from './pointwise.js'
import { pool } from './pool.js'

export const tables: readonly TableCase[] = [
  ...conv2d,
  ...fullyConnected,
  ...pool,
  ...norm,
  ...activation,
  ...pointwise,
  ...lrn,
  ...elementwise,
  ...multiply,
  ...extremum,
  ...channelShuffle,
  ...attentions,
  ...l2Normalize,
]
