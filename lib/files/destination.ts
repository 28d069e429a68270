/**
 * Where an output really goes. A symbolic link is followed, so that it stays and the file that it leads to is written. What is no
 * file, such as /dev/null, /dev/stdout or a pipe, has nothing that could be replaced: it is written to as it is.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, readlink, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { cannotWrite } from '../errors.js'

/** Takes bytes one after the other. */
export interface Stream {
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** A file that is there or not yet, or something that is written to as it is. */
export type Destination = { path: string; there?: Stats; stream?: undefined } | { stream: Stream }

/** As many as Linux follows. */
const mostLinks = 40
/** What the system calls the standard streams. */
const standard = /^(?:\/dev\/std(?:out|err)|(?:\/dev|\/proc\/self)\/fd\/[12])$/
const openFile = /^(?:\/dev|\/proc\/(?:self|\d+))\/fd\/\d+$/
/** Milliseconds until a full pipe is tried again. */
const pause = 5

/** Follows links that lead to a file; one that leads nowhere names the file that is to be made. */
export async function followLinks(path: string): Promise<string> {
  let at = path
  for (let links = 0; links < mostLinks; links++) {
    if (standard.test(at) || openFile.test(at)) return at
    const next = await readlink(at).catch(() => undefined)
    if (next === undefined) return at
    at = resolve(dirname(at), next)
  }
  throw cannotWrite(path, 'a file', new Error(`more than ${mostLinks} symbolic links lead on from it`))
}

/** @throws FaceNetError ERR_FACENET_IO where links lead in a circle, or a device or pipe cannot be written to. */
export async function findDestination(given: string): Promise<Destination> {
  const path = await followLinks(given)
  if (standard.test(path)) return { stream: ofProcess(/err$|2$/.test(path) ? process.stderr : process.stdout) }
  const there = await stat(path).catch(() => undefined)
  // A folder is refused when it is to be replaced.
  if (!openFile.test(path) && (!there || there.isFile() || there.isDirectory())) return { path, there }
  try {
    // To open a pipe that nobody reads without O_NONBLOCK would wait for a reader.
    return { stream: ofFile(await open(path, constants.O_WRONLY | constants.O_APPEND | (constants.O_NONBLOCK ?? 0))) }
  } catch (cause) {
    throw cannotWrite(given, 'a device or a pipe that can be written to', cause)
  }
}

function ofProcess(stream: NodeJS.WriteStream): Stream {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => (error ? reject(error) : resolve()))
      }),
    async close() {},
  }
}

function ofFile(file: FileHandle): Stream {
  return {
    write: (bytes) => writeAll(file, bytes, null),
    close: () => file.close(),
  }
}

/** All of the bytes, from `position` on or, where it is null, after what was written before. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    // One write call takes at most 2 GiB on Linux, and may take less than it is given.
    const length = Math.min(bytes.length - done, 1 << 30)
    try {
      done += (await file.write(bytes, done, length, position === null ? null : position + done)).bytesWritten
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await setTimeout(pause)
    }
  }
}
