"""Stories: Markdown in which scenes stand where others have pictures; one file is an article, a lecture and an exercise."""
