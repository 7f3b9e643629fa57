/** Where a product stands among categories: a name, or a path of names from the widest to the narrowest, `A > B`. */

/** The most levels of a path. */
export const categoryLevelsMax = 8
/** The longest path, with its separators. */
export const categoryLengthMax = 300

const SEPARATOR = ' > '

/** The path as it is kept, or undefined where a level is empty or there are too many of them. */
export function categoryPath(text: string): string | undefined {
  return pathOfLevels(text.split('>'))
}

/** The same of names that stand apart; one of them may be a path itself. */
export function pathOfLevels(levels: readonly string[]): string | undefined {
  const names = levels.flatMap((level) => level.split('>')).map((name) => name.trim())
  const path = names.join(SEPARATOR)
  const isPath = names.length <= categoryLevelsMax && path.length <= categoryLengthMax && !names.includes('')
  return isPath && names.length > 0 ? path : undefined
}

/** The path itself and all that it lies in, the widest first: what a product is found under. */
export function categoriesAbove(path: string): readonly string[] {
  const names = path.split(SEPARATOR)
  return names.map((_, level) => names.slice(0, level + 1).join(SEPARATOR))
}
