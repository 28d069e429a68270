/** Whether tests that take minutes run too: `FACENET_SLOW_TESTS=1`. */
export const slow = process.env.FACENET_SLOW_TESTS === '1'
