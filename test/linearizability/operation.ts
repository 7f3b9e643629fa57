/**
 * One call, as its client saw it. All invocations and answers of a history stand in one order, which the one process that
 * makes the calls keeps by counting: an operation that was answered before another was invoked came before it.
 */
export type Operation<Input> = {
  readonly client: number
  readonly input: Input
  readonly invokedAt: number
  /** Absent where no answer came: then it happened at some time after its invocation, or will, or never. */
  readonly answer?: Answer
}

export type Answer = {
  readonly at: number
  /** All that was said, as the model words it. */
  readonly output: string
}

/** The operations of each key; what holds for each of them alone holds for them together (Herlihy and Wing's locality). */
export function partition<Input>(
  operations: readonly Operation<Input>[],
  keyOf: (input: Input) => string,
): Map<string, Operation<Input>[]> {
  return Map.groupBy(operations, ({ input }) => keyOf(input))
}

export function shownOperation({ client, input, invokedAt, answer }: Operation<unknown>): string {
  const end = answer === undefined ? '… never answered' : `${answer.at} ${answer.output}`
  return `client ${client}, ${invokedAt} ${JSON.stringify(input)} → ${end}`
}
