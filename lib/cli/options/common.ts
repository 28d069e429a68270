/** The options of every command. */
import { devicePreferences, dtypes } from '../../native/check_arguments.js'
import { flag, group, integer, oneOf, type Values } from './option.js'

export const commonOptions = {
  ...group('Computation', {
    device: oneOf(devicePreferences, {
      text: 'Where to compute; auto takes a CUDA device where one can be used',
      value: '<device>',
      default: 'auto',
    }),
    dtype: oneOf(dtypes, {
      text: 'Precision of weights and activations; f16 needs a CUDA device',
      value: '<type>',
      default: 'f32',
    }),
    threads: integer({ text: 'CPU threads', min: 1, max: 1024, defaultText: 'one per core' }),
  }),
  ...group('Messages', {
    json: flag({ text: 'Print machine-readable results on stdout' }),
    quiet: flag({ text: 'Print no progress and no summary on stderr' }),
  }),
}

export type CommonOptions = Values<typeof commonOptions>
