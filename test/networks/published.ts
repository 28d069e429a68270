/** What PAPER.md prints of each network, copied by hand. Layer rows: output, parameters, multiply-adds. */
import type { NetworkName } from '../../lib/convert/networks/index.js'

/** `7.46 M` means anything that rounds to it; a number without a unit is exact. */
export const published: Record<NetworkName, { input: string; parameters: string; multiplyAdds: string }> = {
  nn1: { input: '220x220', parameters: '140 M', multiplyAdds: '1.6 G' },
  nn2: { input: '224x224', parameters: '7.46 M', multiplyAdds: '1.6 G' },
  nn3: { input: '160x160', parameters: '7.46 M', multiplyAdds: '815 M' },
  nn4: { input: '96x96', parameters: '6.61 M', multiplyAdds: '285 M' },
  nns1: { input: '165x165', parameters: '26 M', multiplyAdds: '220 M' },
  nns2: { input: '140x116', parameters: '4.3 M', multiplyAdds: '20 M' },
  'nn4.small2': { input: '96x96', parameters: '3733968', multiplyAdds: '207 M' },
  'inception-resnet-v1': { input: '160x160', parameters: '23.5 M', multiplyAdds: '1.42 G' },
}

/** `0`: nothing is printed, as the row has no parameters. */
export const nn1Rows: readonly (readonly [row: string, output: string, parameters: string, multiplyAdds: string])[] = [
  ['conv1', '110x110x64', '9 K', '115 M'],
  ['pool1', '55x55x64', '0', '0'],
  ['rnorm1', '55x55x64', '0', '0'],
  ['conv2a', '55x55x64', '4 K', '13 M'],
  ['conv2', '55x55x192', '111 K', '335 M'],
  ['rnorm2', '55x55x192', '0', '0'],
  ['pool2', '28x28x192', '0', '0'],
  ['conv3a', '28x28x192', '37 K', '29 M'],
  ['conv3', '28x28x384', '664 K', '521 M'],
  ['pool3', '14x14x384', '0', '0'],
  ['conv4a', '14x14x384', '148 K', '29 M'],
  ['conv4', '14x14x256', '885 K', '173 M'],
  ['conv5a', '14x14x256', '66 K', '13 M'],
  ['conv5', '14x14x256', '590 K', '116 M'],
  ['conv6a', '14x14x256', '66 K', '13 M'],
  ['conv6', '14x14x256', '590 K', '116 M'],
  ['pool4', '7x7x256', '0', '0'],
  ['fc1', '1x1x4096', '103 M', '103 M'],
  ['fc2', '1x1x4096', '34 M', '34 M'],
  ['fc7128', '1x1x128', '524 K', '0.5 M'],
]

/** PAPER.md prints the outputs of NN2's rows; parameters only of the last. */
export const nn2Rows: readonly (readonly [row: string, output: string])[] = [
  ['conv1', '112x112x64'],
  ['pool1', '56x56x64'],
  ['norm1', '56x56x64'],
  ['inception2', '56x56x192'],
  ['norm2', '56x56x192'],
  ['pool2', '28x28x192'],
  ['inception3a', '28x28x256'],
  ['inception3b', '28x28x320'],
  ['inception3c', '14x14x640'],
  ['inception4a', '14x14x640'],
  ['inception4b', '14x14x640'],
  ['inception4c', '14x14x640'],
  ['inception4d', '14x14x640'],
  ['inception4e', '7x7x1024'],
  ['inception5a', '7x7x1024'],
  ['inception5b', '7x7x1024'],
  ['pool5', '1x1x1024'],
  ['fc', '1x1x128'],
]

const units = { K: 1e3, M: 1e6, G: 1e9 } as const

/** `value` written with the digits and the unit of `figure`, to be compared with it: (7456304, '7.46 M') -> '7.46 M'. */
export function roundedAs(figure: string, value: number): string {
  const [digits, unit] = figure.split(' ') as [string, keyof typeof units | undefined]
  if (!unit) return String(value)
  const decimals = digits.split('.')[1]?.length ?? 0
  return `${(value / units[unit]).toFixed(decimals)} ${unit}`
}
