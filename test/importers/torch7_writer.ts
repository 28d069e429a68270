/** Writes Torch7's binary files as `torch.save` does: values, tables, objects of classes, tensors, functions, shared objects. */

/** An object of a class; `fields` are a table. */
export class Instance {
  constructor(
    readonly className: string,
    readonly fields: Record<string, Value> | Map<Value, Value>,
    readonly version = 1,
  ) {}
}

/** `strides` are those of its rows unless told. */
export class Floats {
  constructor(
    readonly sizes: readonly number[],
    readonly data: Float32Array | Float64Array | BigInt64Array,
    readonly strides = sizes.map((_, axis) => sizes.slice(axis + 1).reduce((total, size) => total * size, 1)),
  ) {}
}

/** A function, as its byte code. */
export class Bytecode {
  constructor(readonly bytes: string) {}
}

export type Value =
  | undefined
  | number
  | string
  | boolean
  | Map<Value, Value>
  | readonly Value[]
  | Instance
  | Floats
  | Bytecode

/** Arrays are tables from 1 on. */
export function torch7(value: Value): Buffer {
  const parts: Uint8Array[] = []
  const indices = new Map<Value | Floats['data'], number>()
  const int = (number: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(number)
    parts.push(bytes)
  }
  const long = (number: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(number))
    parts.push(bytes)
  }
  const text = (string: string) => {
    int(string.length)
    parts.push(Buffer.from(string, 'latin1'))
  }
  /** Whether it has to be written. */
  const isNew = (type: number, key: Value | Floats['data']) => {
    int(type)
    const known = indices.get(key)
    const index = known ?? indices.size + 1
    indices.set(key, index)
    int(index)
    return known === undefined
  }
  const table = (entries: Iterable<readonly [Value, Value]>) => {
    const all = [...entries]
    int(all.length)
    for (const [key, entry] of all) {
      write(key)
      write(entry)
    }
  }
  const tensor = ({ sizes, strides, data }: Floats) => {
    const kind = data instanceof Float32Array ? 'Float' : data instanceof Float64Array ? 'Double' : 'Long'
    text('V 1')
    text(`torch.${kind}Tensor`)
    int(sizes.length)
    for (const size of [...sizes, ...strides]) long(size)
    long(1)
    if (!isNew(4, data)) return
    text('V 1')
    text(`torch.${kind}Storage`)
    long(data.length)
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  const entriesOf = (fields: Instance['fields']) =>
    fields instanceof Map ? fields : Object.entries(fields).filter(([, field]) => field !== undefined)
  const write = (each: Value): void => {
    if (each === undefined) int(0)
    else if (typeof each === 'number') {
      int(1)
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleLE(each)
      parts.push(bytes)
    } else if (typeof each === 'string') {
      int(2)
      text(each)
    } else if (typeof each === 'boolean') {
      int(5)
      int(each ? 1 : 0)
    } else if (each instanceof Map) {
      if (isNew(3, each)) table(each)
    } else if (each instanceof Floats) {
      if (isNew(4, each)) tensor(each)
    } else if (each instanceof Bytecode) {
      if (!isNew(8, each)) return
      text(each.bytes)
      write([new Map<Value, Value>([['name', 'self']])])
    } else if (each instanceof Instance) {
      if (!isNew(4, each)) return
      text(`V ${each.version}`)
      text(each.className)
      int(3)
      // The table of the fields is an object of its own.
      indices.set({} as Value, indices.size + 1)
      int(indices.size)
      table(entriesOf(each.fields) as Iterable<readonly [Value, Value]>)
    } else if (isNew(3, each)) table((each as readonly Value[]).map((entry, i) => [i + 1, entry] as const))
  }
  write(value)
  return Buffer.concat(parts)
}
