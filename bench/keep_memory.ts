/**
 * glibc gives large blocks back to the system when they are freed, and PyTorch would take them from there page by page: on a virtual
 * machine a step of NN2 takes up to ten times as long, selection of triplets up to three times. PyTorch's guides advise another
 * allocator; these settings of glibc's keep what was freed.
 */
export const keepMemory = {
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
  MALLOC_TOP_PAD_: String(2 ** 30),
}
