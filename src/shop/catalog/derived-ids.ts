/**
 * Ids of products that come without one: they follow from title and brand, however those are spaced and capitalised, so that
 * a file that comes again changes products rather than doubling them. Records of one file that differ in more than these two
 * are different products (a phone in two colours): the second and further ones are numbered, in the order of the file.
 */
import { hash } from 'node:crypto'

const DIGITS = 32

type Known = { readonly line: number; readonly contents: string[] }

export class DerivedIds {
  readonly #known = new Map<string, Known>()

  /** Undefined where there is no title to derive one from. `first` is the line of the same title and brand, if there was one. */
  idOf(
    fields: Readonly<Record<string, unknown>>,
    line: number,
  ): { readonly id: string; readonly first: number | undefined } | undefined {
    const { title, brand } = fields
    if (typeof title !== 'string') return undefined
    const id = `p-${digest([title, typeof brand === 'string' ? brand : ''].map(folded))}`
    const content = digest(fields)
    const known = this.#known.get(id)
    if (known === undefined) {
      this.#known.set(id, { line, contents: [content] })
      return { id, first: undefined }
    }
    let at = known.contents.indexOf(content)
    if (at === -1) at = known.contents.push(content) - 1
    return { id: at === 0 ? id : `${id}-${at + 1}`, first: known.line }
  }
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

function digest(value: unknown): string {
  return hash('sha256', JSON.stringify(value)).slice(0, DIGITS)
}
