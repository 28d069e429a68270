/** Options of `facenet serve`. */
import { defaultSettings } from '../../server/settings.js'
import { flag, group, integer, number, oneOf, text, texts, type Values } from './option.js'
import { detectionOptions, modelOptions, thresholdOptions } from './shared.js'

const mebibyte = 2 ** 20

export const serveOptions = {
  ...modelOptions,
  ...group('Faces', {
    align: oneOf(['detect', 'none', 'center'], {
      text: 'How faces are cut out: detect finds them, none takes whole images, center the middle of images',
      value: '<how>',
      default: 'detect',
    }),
  }),
  ...detectionOptions,
  ...thresholdOptions,
  ...group('Server', {
    host: text({ text: 'Address to listen on; one that others reach needs an API key', default: defaultSettings.host }),
    port: integer({ text: 'Port to listen on; 0 takes a free one', min: 0, max: 65535, default: defaultSettings.port }),
    gallery: text({
      text: 'Where /v1/search looks: a gallery, or embeddings that embed wrote (.npy, .jsonl, .parquet), which are read once',
      value: '<file>',
    }),
    writable: flag({
      text: 'Let clients add faces to the gallery, name and remove them; needs an API key. A gallery is made where there is none',
    }),
    apiKeyFile: text({
      text: 'File whose first line is the key that clients have to send',
      value: '<file>',
      defaultText: '$FACENET_API_KEY, else no key',
    }),
    withoutKey: flag({ text: 'Answer everybody who reaches the address, without an API key' }),
    corsOrigin: texts({
      text: 'Origin of web pages that may use the server, as https://example.org; may be repeated',
      value: '<origin>',
    }),
  }),
  ...group('Limits', {
    maxBodyMib: number({
      text: 'Largest body of a request, in MiB',
      value: '<MiB>',
      above: 0,
      below: 512,
      default: defaultSettings.maxBodyBytes / mebibyte,
    }),
    maxMegapixels: number({
      text: 'Largest image that is decoded',
      value: '<n>',
      above: 0,
      default: defaultSettings.maxPixels / 1e6,
    }),
    maxFaces: integer({ text: 'Most faces of an image', min: 1, default: defaultSettings.maxFaces }),
    maxRequests: integer({
      text: 'Most requests at a time; one more is answered 503',
      min: 1,
      default: defaultSettings.maxRequests,
    }),
    requestSeconds: integer({
      text: 'Seconds in which a client has to have sent its request',
      min: 1,
      max: 3600,
      default: defaultSettings.requestTimeout / 1000,
    }),
    drainSeconds: integer({
      text: 'Seconds in which accepted requests are answered after SIGTERM',
      min: 1,
      max: 3600,
      default: defaultSettings.drainTimeout / 1000,
    }),
  }),
  ...group('Computation', {
    maxDelay: integer({
      text: 'Milliseconds that a request may be held back for a fuller batch; one alone never is',
      value: '<ms>',
      min: 0,
      max: 60_000,
      default: 5,
    }),
    maxBatch: integer({ text: 'Faces of a batch', min: 1, max: 4096, default: 32 }),
  }),
}
export type ServeOptions = Values<typeof serveOptions>
