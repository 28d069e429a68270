/** `facenet crop`: the faces of photographs as pictures of their own, aligned, with a table of their points. */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { cannotWrite } from '../../errors.js'
import { followLinks } from '../../files/destination.js'
import { discard, settled, temporaryBeside } from '../../files/temporary.js'
import { faceKey } from '../../gallery/face_key.js'
import { pointColumns } from '../../images/geometry.js'
import { checkDetection, type FaceTarget } from '../../images/index.js'
import { sharp } from '../../images/sharp.js'
import { FaceNetError, type FailedImage } from '../../index.js'
import { type Batch, batches } from '../../sources/index.js'
import { detectorOf, readDetection, readGates } from '../common/alignment.js'
import { isMistake, listFailures, sayRefused } from '../common/failures.js'
import { imageProgress } from '../common/progress.js'
import { type Context, PartialFailure } from '../context.js'
import type { CropOptions } from '../options/images.js'
import { cell, checkPeopleFolder, freeName } from './people_folders.js'

type Given = Context<CropOptions>

/** Of the table; those of the points are where `--align points` looks for them. */
const columns = [
  'name',
  ...pointColumns,
  ...['image', 'face', 'x', 'y', 'width', 'height', 'score', 'size', 'sharpness', 'yaw', 'pitch', 'roll', 'key'],
] as const

export async function run(context: Given): Promise<void> {
  const { out, template, size, faces, batchSize } = context.options
  await checkPeopleFolder(out)
  await using detector = await detectorOf(context)
  const detection = checkDetection({ detector, faces, ...readDetection(context), ...readGates(context) }, faces)
  const target: FaceTarget = { height: size, width: size, align: 'detect', template, detection, ...context.limits() }
  const folder = resolve(await followLinks(out))
  const temporary = await temporaryBeside(folder)
  const crops = new Crops(context, temporary, size)
  const failures: FailedImage[] = []
  const progress = imageProgress(context.quiet)
  let refused = 0
  try {
    await mkdir(temporary)
    for await (const batch of batches(context.images(), target, { batchSize, signal: context.signal })) {
      await crops.write(batch)
      for (const { path, error } of batch.failures) await crops.sayMissing(path, error)
      failures.push(...batch.failures)
      refused += batch.refused.length
      progress.update({ done: crops.count, failed: failures.length, passedOver: 0 })
    }
    if (crops.count + failures.length === 0) {
      throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No images were found')
    }
    await writeFile(join(temporary, 'points.tsv'), `${crops.table.join('\n')}\n`)
    await rename(temporary, folder)
    settled(temporary)
  } catch (cause) {
    await discard(temporary)
    throw cause instanceof FaceNetError ? cause : cannotWrite(out, 'a folder that is new or empty', cause)
  } finally {
    progress.stop()
  }
  await context.printPassedOver()
  context.say(`${crops.count} faces cut out into ${out}`)
  sayRefused(context, refused)
  listFailures(context, failures, crops.images.size + failures.length)
  if (failures.some((failure) => isMistake(failure, faces))) throw new PartialFailure()
}

class Crops {
  count = 0
  readonly images = new Set<string>()
  readonly table: string[] = [columns.join('\t')]
  readonly #taken = new Set<string>()

  constructor(
    private readonly context: Given,
    private readonly folder: string,
    private readonly size: number,
  ) {}

  async write({ images, count, imagePaths, faces, qualities, pointsInInput }: Batch): Promise<void> {
    const bytes = this.size * this.size * 3
    const raw = { width: this.size, height: this.size, channels: 3 } as const
    for (let i = 0; i < count; i++) {
      const [image, face, quality] = [imagePaths[i]!, faces[i]!, qualities[i]!]
      const key = faceKey(image, face)
      const file = freeName(join(this.folder, this.#nameOf(image, key)), this.#taken)
      await mkdir(dirname(file), { recursive: true })
      // A copy: the batch lies in shared memory, which sharp does not take.
      await sharp(images.slice(i * bytes, (i + 1) * bytes), { raw })
        .png()
        .toFile(file)
      const name = relative(this.folder, file).replaceAll('\\', '/')
      const { x, y, width, height } = face.box
      const { size, sharpness, yaw, pitch, roll } = quality
      const points = pointsInInput[i]!.length === 10 ? pointsInInput[i]! : new Array<string>(10).fill('')
      const cells = [
        name,
        ...points,
        image,
        face.index,
        x,
        y,
        width,
        height,
        face.score,
        size,
        sharpness,
        yaw,
        pitch,
        roll,
        key,
      ]
      this.table.push(cells.map(cell).join('\t'))
      this.images.add(image)
      this.count++
      if (this.context.json) await this.context.print(JSON.stringify({ path: name, image, key, face, quality }))
    }
  }

  async sayMissing(path: string, { code, message }: FaceNetError): Promise<void> {
    if (this.context.json) await this.context.print(JSON.stringify({ path, code, error: message }))
  }

  /** As the photograph lies below what was named, with the place of the face: it stays when another one is found beside it. */
  #nameOf(image: string, key: string): string {
    const below = this.context.operands
      .map((operand) => relative(operand, image))
      .find((path) => !path.startsWith('..'))
    const name = (below || basename(image)).replace(/\.[^./\\]+$/, '')
    const [, place = ''] = /#xywh=(.*)$/.exec(key) ?? []
    return `${name}.${place.replaceAll(',', '_')}.png`
  }
}
