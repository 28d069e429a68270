/**
 * uvu's `test` in the packed test files (scripts/gpu/pack.mjs). With FACENET_TEST_EVERY=n a file runs its first test and every
 * n-th after it, which shows that it runs where it is, in little time.
 */
import * as uvu from 'uvu'

const every = Number(process.env.FACENET_TEST_EVERY ?? 1)
let seen = 0
const isChosen = () => seen++ % every === 0

export const test = Object.assign(
  (name: string, body: () => void | Promise<void>) => {
    if (isChosen()) uvu.test(name, body)
  },
  {
    skip: (name?: string, body?: () => void) => uvu.test.skip(name, body),
    only: uvu.test.only,
    before: uvu.test.before,
    after: uvu.test.after,
    run: uvu.test.run,
  },
)
