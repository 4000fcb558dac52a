// Finds the files of a drop, also those in dropped folders.

/** All files of a drop, those of a folder with their path in it, and whether a folder was in it. */
export async function filesOf(transfer) {
  // Entries must be asked for before the first wait: the browser forgets the drop after it.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folder = entries.some((entry) => entry.isDirectory);
  if (!folder) return { files: [...transfer.files], folder };
  return { files: (await Promise.all(entries.map(walk))).flat(), folder };
}

async function walk(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (!file) return []; // it may not be read, or has just gone: the others are still wanted
    file.folderPath = entry.fullPath.slice(1);
    return [file];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) break; // a reader hands out a hundred at a time
    found.push(...some);
  }
  return (await Promise.all(found.map(walk))).flat();
}
