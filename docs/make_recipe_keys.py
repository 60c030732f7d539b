"""Print docs/recipe_keys.md: every key of a recipe.

Usage: python docs/make_recipe_keys.py > docs/recipe_keys.md
"""

import sys

from pld_tf.recipe.reference import keys_markdown, table_keys

HEAD = """# Keys of a recipe

Made by `python docs/make_recipe_keys.py > docs/recipe_keys.md`; do not edit. The texts stand beside
each key in `pld_tf/recipe/tables.py`. `pld-tf recipes keys` prints the same.

A key without a default must be given. "Affects" says what is trained again when the key changes. A
recipe also has a `description`, one line of text. [recipes.md](recipes.md) explains how keys work
together.
"""

if __name__ == "__main__":
    sys.stdout.write(f"{HEAD}\n{keys_markdown(table_keys())}")
