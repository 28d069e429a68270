/** The report of `evaluate robustness`. */
import type { Context } from '../context.js'
import type { ModelRobustness } from '../evaluate/model_robustness.js'
import { type Facts, type ReportTarget, writeReport } from './target.js'

export async function writeRobustnessReport(
  context: Context,
  target: ReportTarget,
  models: readonly ModelRobustness[],
): Promise<void> {
  const { robustnessReport } = await import('../../report/reports/robustness.js')
  const facts = models.flatMap(({ setup, line, judged, images, failed }): Facts => {
    const left = [
      judged.skipped > 0 && `${judged.skipped} pairs left out, their images missing or not usable`,
      failed > 0 && `${failed} images could not be used`,
    ].filter(Boolean)
    return [
      [setup.model, [`${line}; ${judged.pairs} of ${images} images`, ...left].join('; ')],
      ['Fingerprint', setup.fingerprint],
    ]
  })
  await writeReport(context, target, async () =>
    robustnessReport({
      model: models[0]!.setup.model,
      command: 'facenet evaluate robustness',
      facts: [...facts, ['Distance', 'squared L2']],
      loadFace: async () => null,
      training: target.training,
      signal: context.signal,
      pairs: `${models[0]!.judged.pairs}, their images compressed and reduced after alignment`,
      models: models.map(({ setup, judged, original, jpegQuality, pixels }) => ({
        name: setup.model,
        far: judged.far,
        dimensions: setup.dimensions,
        trainingImages: setup.trainingImages,
        original,
        jpegQuality,
        pixels,
      })),
    }),
  )
}
